import { Link } from '@tanstack/react-router';
import { Hand } from 'lucide-react';
import type { ServiceDetail } from '../api/shapes.ts';
import { laneLook, newestLive } from '../board/lane-look.ts';
import { Age } from '../ui/age.tsx';
import { CopyText } from '../ui/copy-text.tsx';
import { StatusIcon } from '../ui/status-icon.tsx';
import { shortDigest, shortSha } from '../ui/wording.ts';
import { isPresent } from '../ui/is-present.ts';

/** One card per environment in the order of promotion. */
export function EnvironmentsLane({ detail }: { detail: ServiceDetail }) {
  if (detail.lanes.length === 0) return null;
  const newest = newestLive(detail.lanes);
  const inOrder = [...detail.lanes].sort(
    (a, b) => detail.release.indexOf(a.environment) - detail.release.indexOf(b.environment),
  );
  return (
    <section aria-label="Environments" className="mt-4">
      <ol className="flex items-stretch max-md:flex-col max-md:gap-2.5">
        {inOrder.map((lane, index) => {
          const look = laneLook(lane, newest);
          const tinted = look.tone !== 'none' && look.words !== 'behind';
          return (
            <li key={lane.laneId} className="flex min-w-0 flex-1 items-stretch">
              {index > 0 && (
                <span className="h-px w-8 flex-none self-center bg-control max-md:hidden" aria-hidden="true" />
              )}
              <div className={`card min-w-0 flex-1 overflow-hidden tone-${look.tone}`}>
                <div className="flex items-center gap-2 px-4 pt-3">
                  <h2 className="text-section font-semibold">{lane.environment}</h2>
                  {look.icon !== 'none' && look.icon !== 'behind' && <StatusIcon status={look.icon} />}
                  {look.words !== '' && (
                    <span className={tinted ? 'text-(--tone) font-medium' : 'text-text-2'}>{look.words}</span>
                  )}
                  {lane.current !== null && (
                    <Link
                      to={look.asksApproval ? '/approvals/$id' : '/deployments/$id'}
                      params={{ id: lane.current.deploymentId }}
                      className="btn btn-small ml-auto"
                    >
                      {look.asksApproval && <Hand size={13} aria-hidden="true" className="text-gate" />}
                      {look.asksApproval ? `#${lane.current.runNumber}, open approval` : 'Open deployment'}
                    </Link>
                  )}
                </div>
                {lane.live === null ? (
                  <p className="px-4 pt-1 pb-3 text-text-2">Nothing is live here yet.</p>
                ) : (
                  <div className="flex flex-wrap items-center gap-x-4 gap-y-0.5 px-4 pt-1 pb-3 text-text-2">
                    <Link
                      to="/deployments/$id"
                      params={{ id: lane.live.deploymentId }}
                      className="mono font-medium text-text hover:underline"
                    >
                      #{lane.live.runNumber}
                    </Link>
                    <code title={lane.live.commit}>{shortSha(lane.live.commit)}</code>
                    <CopyText
                      value={lane.live.digest}
                      shown={shortDigest(lane.live.digest)}
                      label={`digest live in ${lane.environment}`}
                    />
                    <span className="tnum">
                      since <Age at={lane.live.since} words />
                    </span>
                  </div>
                )}
                {isPresent(lane.current?.reason) && (
                  <p className="border-t border-line px-4 py-2 text-text-2">{lane.current.reason.message}</p>
                )}
              </div>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
