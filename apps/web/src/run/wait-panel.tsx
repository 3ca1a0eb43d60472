import { Link } from '@tanstack/react-router';
import { Hourglass } from 'lucide-react';
import { useNow } from '../api/server-clock.ts';
import type { Waiting } from '../api/shapes.ts';
import { clockTime, elapsed } from '../ui/wording.ts';
import { isPresent } from '../ui/is-present.ts';
import { causeName } from './cause-name.ts';

const elsewhere: readonly Waiting['code'][] = [
  'no-runner',
  'no-pool',
  'runner-busy',
  'fair-share',
  'starting',
  'group',
  'service-limit',
  'team-limit',
];

/** Jobs of a run often wait for what the run waits for: it is said once. */
export function isSameWait(one: Waiting, other: Waiting): boolean {
  return one.code === other.code && one.message === other.message;
}

/** Never only "pending": cause, since when, and what would end it. */
export function WaitPanel({
  subject,
  waiting,
  approvalId,
}: {
  subject: string;
  waiting: Waiting;
  approvalId?: string | null | undefined;
}) {
  const now = useNow();
  return (
    <section className="rounded-card border border-line-2 bg-sunken p-3.5" aria-label={`Why is ${subject} waiting?`}>
      <h2 className="flex items-center gap-2 text-section font-semibold">
        <Hourglass size={14} aria-hidden="true" className="text-waiting" />
        Why is {subject} waiting?
      </h2>
      <p className="mt-1.5">{waiting.message}</p>
      <dl className="mt-2 grid grid-cols-[76px_minmax(0,1fr)] gap-y-1 wrap-anywhere">
        <dt className="text-text-2">Cause</dt>
        <dd>{causeName(waiting.code)}</dd>
        <dt className="text-text-2">Since</dt>
        <dd className="tnum">
          {elapsed(now - Date.parse(waiting.since))}, {clockTime(waiting.since)}
        </dd>
        <dt className="text-text-2">Ends when</dt>
        <dd>{waiting.endsWhen}</dd>
      </dl>
      {isPresent(approvalId) && (
        <Link to="/approvals/$id" params={{ id: approvalId }} className="btn btn-small mt-3">
          Open approval
        </Link>
      )}
      {elsewhere.includes(waiting.code) && (
        <Link to="/runners" className="btn btn-small mt-3">
          Open runners and queue
        </Link>
      )}
    </section>
  );
}
