import { Link } from '@tanstack/react-router';
import type { BoardService } from '../api/shapes.ts';
import { StatusIcon } from '../ui/status-icon.tsx';
import { statusLook } from '../ui/status.ts';

/** Runs of pull requests are no state of a service; while it has no other run, its newest one is named at least. */
export function NoRunYet({ service, inGrid = false }: { service: BoardService; inGrid?: boolean }) {
  const run = service.pullRequestRun;
  if (run === undefined) return 'No run yet';
  return (
    <>
      No run of a branch yet;{' '}
      <Link
        to="/services/$service/runs/$number"
        params={{ service: service.slug, number: String(run.number) }}
        {...(inGrid ? { 'data-column': 1, tabIndex: -1 } : {})}
        className="inline-flex items-center gap-1 text-text-2 hover:underline"
      >
        <StatusIcon status={run.status} size={13} label={statusLook(run.status).word} />
        pull request #{run.pullRequest?.number}
      </Link>
    </>
  );
}
