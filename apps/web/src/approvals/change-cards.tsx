import { Link } from '@tanstack/react-router';
import { ArrowRight, CircleDashed, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import type { ApprovalDetail, ReleaseRef } from '../api/shapes.ts';
import { Age } from '../ui/age.tsx';
import { Avatar } from '../ui/avatar.tsx';
import { CopyText } from '../ui/copy-text.tsx';
import { StatusIcon } from '../ui/status-icon.tsx';
import { statusLook } from '../ui/status.ts';
import { UntrustedText } from '../ui/untrusted-text.tsx';
import { firstLine, plural, shortDigest, shortSha } from '../ui/wording.ts';
import { evidenceWords } from './approval-words.ts';

export function Card({
  title,
  aside,
  children,
  id,
}: {
  title: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
  id: string;
}) {
  return (
    <section className="card" aria-labelledby={id}>
      <div className="card-head">
        <h2 id={id}>{title}</h2>
        {aside !== undefined && <span className="ml-auto text-body font-normal text-text-2">{aside}</span>}
      </div>
      {children}
    </section>
  );
}

/** First thing on the card: from which digest to which, and every commit since what is live. */
export function ChangeCard({ detail }: { detail: ApprovalDetail }) {
  const { changes } = detail;
  return (
    <Card
      id="what-changes"
      title="What will change"
      aside={
        <Link
          className="link"
          to="/services/$service/runs/$number"
          params={{ service: detail.service, number: String(detail.to.runNumber) }}
        >
          Open run {detail.to.runNumber}
        </Link>
      }
    >
      <div className="flex flex-wrap items-center gap-3 px-4 py-3">
        {detail.from === null ? (
          <span className="text-text-2">First release here</span>
        ) : (
          <ReleaseBox release={detail.from} />
        )}
        <ArrowRight size={14} className="text-text-2" role="img" aria-label="becomes" />
        <ReleaseBox release={detail.to} next />
        <span className="ml-auto text-text-2 tnum">{changeWords(detail)}</span>
      </div>
      <CommitList detail={detail} />
      {changes.note !== null && <p className="border-t border-line px-4 py-2 text-text-2">{changes.note}</p>}
    </Card>
  );
}

export function CommitList({ detail }: { detail: ApprovalDetail }) {
  return (
    <ul>
      {detail.changes.commits.map((commit) => (
        <li key={commit.sha} className="flex min-h-[34px] items-center gap-4 border-t border-line px-4 py-1">
          <code className="flex-none text-text-2 max-md:hidden" title={commit.sha}>
            {shortSha(commit.sha)}
          </code>
          <span className="min-w-0 flex-1 break-words" dir="auto">
            <UntrustedText text={firstLine(commit.message)} />
          </span>
          <Avatar name={commit.author} />
          <span className="sr-only">
            by <UntrustedText text={commit.author} />
          </span>
          <span className="w-14 flex-none text-right text-text-3 tnum">
            <Age at={commit.at} />
          </span>
        </li>
      ))}
    </ul>
  );
}

export function changeWords({ changes }: ApprovalDetail): string {
  const people = new Set(changes.commits.map(({ author }) => author)).size;
  if (changes.commits.length === 0) return 'no commits known';
  return `${plural(changes.commits.length, 'commit')} by ${plural(people, 'person', 'people')}, ${plural(changes.files, 'file')}, +${changes.insertions} −${changes.deletions}`;
}

export function ReleaseBox({ release, next = false }: { release: ReleaseRef; next?: boolean }) {
  return (
    <span
      className={`inline-flex h-8 items-center gap-2.5 rounded-tag border pl-2.5 pr-1 ${next ? 'border-(--gate-solid)/35 bg-gate-tint' : 'border-line-2 bg-sunken'}`}
    >
      <strong className="font-semibold">#{release.runNumber}</strong>
      <CopyText
        value={release.digest}
        shown={shortDigest(release.digest)}
        label={`digest of run ${release.runNumber}`}
      />
    </span>
  );
}

export function SettingsCard({ detail }: { detail: ApprovalDetail }) {
  return (
    <Card
      id="settings-change"
      title={
        <>
          Settings that change <span className="font-normal text-text-3">{detail.settingsChanges.length}</span>
        </>
      }
    >
      {detail.settingsChanges.length === 0 ? (
        <p className="px-4 py-3 text-text-2">The environment's settings stay as they are.</p>
      ) : (
        <SettingsTable detail={detail} />
      )}
    </Card>
  );
}

export function SettingsTable({ detail }: { detail: ApprovalDetail }) {
  return (
    <table className="mono my-2 w-full">
      <thead className="sr-only">
        <tr>
          <th>Setting</th>
          <th>From</th>
          <th>To</th>
        </tr>
      </thead>
      <tbody>
        {detail.settingsChanges.map((change) => (
          <tr key={change.path}>
            <th scope="row" className="break-all py-1 pl-4 text-left font-normal">
              {change.path}
            </th>
            <td className="px-2 py-1 text-failed">− {change.from ?? 'not set'}</td>
            <td className="py-1 pr-4 text-passed">+ {change.to ?? 'not set'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Missing is a warning, never blank. */
export function EvidenceCard({ detail }: { detail: ApprovalDetail }) {
  return (
    <Card id="evidence" title="Evidence">
      <ul className="py-2">
        {detail.evidence.map((item, index) => (
          <li key={`${item.kind} ${index}`} className="flex items-start gap-2.5 px-4 py-1">
            {item.state === 'missing' ? (
              <TriangleAlert size={14} className="mt-[3px] flex-none text-warning" role="img" aria-label="missing" />
            ) : (
              <span className="mt-[3px] flex-none">
                <StatusIcon status={item.state} label={item.state} />
              </span>
            )}
            <span className="w-[142px] flex-none max-md:w-[104px]">{evidenceWords[item.kind] ?? item.kind}</span>
            <span className="min-w-0 text-text-2 wrap-anywhere">{item.text}</span>
          </li>
        ))}
        {detail.evidence.length === 0 && <li className="px-4 py-1 text-warning">This release carries no evidence.</li>}
      </ul>
    </Card>
  );
}

export function NeighboursCard({ detail }: { detail: ApprovalDetail }) {
  return (
    <Card id="neighbours" title={`Who else deploys to ${detail.environment}`}>
      <ul className="py-2">
        {detail.alsoDeploying.map((other) => (
          <li key={`${other.service} ${other.runNumber}`} className="flex items-center gap-2.5 px-4 py-1">
            <StatusIcon status={other.status} />
            <Link
              to="/services/$service"
              params={{ service: other.service }}
              className="w-[118px] flex-none truncate hover:underline"
            >
              {other.service}
            </Link>
            <span className="text-text-2">
              #{other.runNumber}, {statusLook(other.status).word.toLowerCase()}
            </span>
          </li>
        ))}
        {detail.alsoDeploying.length === 0 && (
          <li className="flex items-center gap-2.5 px-4 py-1 text-text-2">
            <CircleDashed size={14} aria-hidden="true" />
            Nobody just now
          </li>
        )}
      </ul>
    </Card>
  );
}
