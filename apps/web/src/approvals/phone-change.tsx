import { ArrowRight, ChevronRight, GitCommitHorizontal, SlidersHorizontal, type LucideIcon } from 'lucide-react';
import { Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import type { ApprovalDetail } from '../api/shapes.ts';
import { Dialog } from '../ui/dialog.tsx';
import { plural } from '../ui/wording.ts';
import { changeWords, CommitList, ReleaseBox, SettingsTable } from './change-cards.tsx';

/** The change on a phone: rows for a thumb, details as sheets. */
export function PhoneChange({ detail }: { detail: ApprovalDetail }) {
  const people = new Set(detail.changes.commits.map(({ author }) => author)).size;
  return (
    <section className="card divide-y divide-line rounded-phone!" aria-label="What will change">
      <div className="flex flex-wrap items-center gap-2 px-3 py-3">
        {detail.from === null ? (
          <span className="text-text-2">First release here</span>
        ) : (
          <ReleaseBox release={detail.from} />
        )}
        <ArrowRight size={14} className="text-text-2" role="img" aria-label="becomes" />
        <ReleaseBox release={detail.to} next />
      </div>
      <SheetRow
        icon={GitCommitHorizontal}
        title="Commits since what is live"
        row={
          <>
            <strong className="font-semibold">{plural(detail.changes.commits.length, 'commit')}</strong> by{' '}
            {plural(people, 'person', 'people')}
          </>
        }
      >
        <p className="mb-3 text-text-2">{changeWords(detail)}</p>
        <CommitList detail={detail} />
        {detail.changes.note !== null && <p className="mt-2 text-text-2">{detail.changes.note}</p>}
        <Link
          to="/services/$service/runs/$number"
          params={{ service: detail.service, number: String(detail.to.runNumber) }}
          className="btn mt-3 w-full"
        >
          Open run {detail.to.runNumber}
        </Link>
      </SheetRow>
      {detail.settingsChanges.length === 0 ? (
        <p className="flex min-h-11 items-center gap-3 px-3 text-text-2">
          <SlidersHorizontal size={16} aria-hidden="true" />
          No settings change
        </p>
      ) : (
        <SheetRow
          icon={SlidersHorizontal}
          title="Settings that change"
          row={
            <strong className="font-semibold">
              {plural(detail.settingsChanges.length, 'setting changes', 'settings change')}
            </strong>
          }
        >
          <SettingsTable detail={detail} />
        </SheetRow>
      )}
    </section>
  );
}

function SheetRow({
  icon: Icon,
  row,
  title,
  children,
}: {
  icon: LucideIcon;
  row: ReactNode;
  title: string;
  children: ReactNode;
}) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        aria-haspopup="dialog"
        onClick={() => setOpen(true)}
        className="flex min-h-11 w-full items-center gap-3 px-3 text-left text-text-2"
      >
        <Icon size={16} className="flex-none" aria-hidden="true" />
        <span className="flex-1 [&_strong]:text-text">{row}</span>
        <ChevronRight size={16} className="text-text-3" aria-hidden="true" />
      </button>
      <Dialog open={open} onOpenChange={setOpen} title={title}>
        <div className="mt-3">{children}</div>
        <button type="button" className="btn btn-quiet mt-2 w-full" onClick={() => setOpen(false)}>
          Close
        </button>
      </Dialog>
    </>
  );
}
