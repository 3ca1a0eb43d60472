import { Link } from '@tanstack/react-router';
import { useNow } from '../api/server-clock.ts';
import type { JobDetail, RunLane } from '../api/shapes.ts';
import { StatusIcon } from '../ui/status-icon.tsx';
import { statusLook, type AnyStatus } from '../ui/status.ts';
import { duration, elapsed } from '../ui/wording.ts';

interface Place {
  x: number;
  y: number;
  w: number;
}

export function JobNode({
  job,
  selected,
  onSelect,
  place,
}: {
  job: JobDetail;
  selected: boolean;
  onSelect: (key: string) => void;
  place?: Place;
}) {
  const running = job.status === 'running';
  const now = useNow(running);
  const took =
    job.startedAt === null
      ? null
      : (job.finishedAt === null ? now : Date.parse(job.finishedAt)) - Date.parse(job.startedAt);
  const words =
    running && took !== null
      ? elapsed(took)
      : job.status === 'waiting'
        ? waitingWord(job)
        : job.finishedAt !== null && took !== null
          ? duration(took)
          : '';
  const tries = job.attempts.length > 1 ? `, attempt ${job.attempts.length}` : '';
  return (
    <li className="job-place" style={place === undefined ? {} : { left: place.x, top: place.y, width: place.w }}>
      <button
        type="button"
        aria-pressed={selected}
        onClick={() => onSelect(job.key)}
        className={`job-node job-${job.status} ${selected ? 'job-selected' : ''}`}
        title={`${job.name}: ${statusLook(job.status).word}${tries}`}
      >
        <StatusIcon status={job.status} size={13} />
        <span className="truncate">{job.name}</span>
        <span className="sr-only">
          , {statusLook(job.status).word}
          {tries},{' '}
        </span>
        <span className="ml-auto flex-none whitespace-nowrap text-meta text-text-3 tnum">{words}</span>
      </button>
    </li>
  );
}

function waitingWord(job: JobDetail): string {
  if (job.waiting === null) return 'waits';
  const { code } = job.waiting;
  if (code === 'needs-job' || code === 'earlier-stage') return '';
  return code
    .replace(/^(no-runner|no-host-runner|runner-busy)$/, 'runner')
    .replace('no-pool', 'pool')
    .replace(/^(service|team)-limit$/, 'limit')
    .replace('fair-share', 'turn');
}

/** A lane leads to its gate while it waits for people, else to its deployment. */
export function LaneNode({ lane, place }: { lane: RunLane; place?: Place }) {
  const status = laneStatus(lane);
  const content = (
    <>
      <StatusIcon status={status} size={13} />
      <span className="truncate">{lane.environment}</span>
    </>
  );
  const shape = `job-node job-${lane.status}`;
  const title = `${lane.environment}: ${statusLook(status).word}`;
  return (
    <li className="job-place" style={place === undefined ? {} : { left: place.x, top: place.y, width: place.w }}>
      {lane.deploymentId === null ? (
        <span className={shape} title={title}>
          {content}
        </span>
      ) : status === 'gate' ? (
        <Link to="/approvals/$id" params={{ id: lane.deploymentId }} className={shape} title={title}>
          {content}
        </Link>
      ) : (
        <Link to="/deployments/$id" params={{ id: lane.deploymentId }} className={shape} title={title}>
          {content}
        </Link>
      )}
    </li>
  );
}

export function laneStatus(lane: RunLane): AnyStatus {
  return lane.status === 'waiting' && lane.waiting?.code === 'approval' ? 'gate' : lane.status;
}
