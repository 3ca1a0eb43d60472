import { Link } from '@tanstack/react-router';
import type { BoardService } from '../api/shapes.ts';
import { StageChannel } from '../board/stage-channel.tsx';
import { StatusPill } from '../ui/status-icon.tsx';
import { UntrustedText } from '../ui/untrusted-text.tsx';
import { firstLine } from '../ui/wording.ts';

/** The run's channel fills in front of the reader. */
export function FirstRun({ service, branch }: { service: BoardService | undefined; branch: string }) {
  const run = service?.latest ?? null;
  if (service === undefined || run === null) {
    return (
      <p role="status" className="text-text-2">
        Listening: the run appears here as soon as a push to {branch} is planned. The service's folder needs a{' '}
        <code>sluice.yaml</code>.
      </p>
    );
  }
  return (
    <div className="flex flex-col gap-2.5">
      <p className="flex flex-wrap items-center gap-2.5">
        <Link
          to="/services/$service/runs/$number"
          params={{ service: service.slug, number: String(run.number) }}
          className="link"
        >
          {service.slug} #{run.number}
        </Link>
        <StatusPill status={run.status} />
        <span className="text-text-2" dir="auto">
          <UntrustedText text={firstLine(run.message)} />
        </span>
      </p>
      <div className="max-w-[420px]">
        <StageChannel run={run} lanes={service.lanes} />
      </div>
      {run.reason !== null && <p className="text-failed">{run.reason.message}</p>}
    </div>
  );
}
