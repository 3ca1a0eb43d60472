import { Link } from '@tanstack/react-router';
import type { LaneSummary } from '../api/shapes.ts';
import type { LaneLook } from '../board/lane-look.ts';
import { Age } from '../ui/age.tsx';
import { CopyText } from '../ui/copy-text.tsx';
import { StatusIcon } from '../ui/status-icon.tsx';
import { statusLook } from '../ui/status.ts';
import { exactTime, shortDigest, shortSha } from '../ui/wording.ts';
import { isPresent } from '../ui/is-present.ts';

export function LaneDetail({ lane, look }: { lane: LaneSummary; look: LaneLook }) {
  const { live, current } = lane;
  return (
    <>
      <p className="flex items-center gap-2 text-section font-semibold">
        {look.icon !== 'none' && look.icon !== 'behind' && <StatusIcon status={look.icon} />}
        {lane.service} in {lane.environment}
      </p>
      {isPresent(current?.reason) && <p className="mt-1.5 text-text-2">{current.reason.message}</p>}
      <dl className="mt-2.5 grid grid-cols-[76px_minmax(0,1fr)] items-center gap-y-1">
        <dt className="text-text-2">Live</dt>
        <dd>
          {live === null ? (
            'nothing yet'
          ) : (
            <span className="mono">
              #{live.runNumber} at {shortSha(live.commit)}
            </span>
          )}
        </dd>
        {live !== null && (
          <>
            <dt className="text-text-2">Digest</dt>
            <dd>
              <CopyText value={live.digest} shown={shortDigest(live.digest)} label="digest" />
            </dd>
            <dt className="text-text-2">Since</dt>
            <dd title={exactTime(live.since)}>
              <Age at={live.since} words />
            </dd>
          </>
        )}
        {current !== null && (
          <>
            <dt className="text-text-2">Next</dt>
            <dd>
              #{current.runNumber}, {statusLook(look.asksApproval ? 'gate' : current.status).word.toLowerCase()}
              {current.needed > 0 && `, ${current.approvals} of ${current.needed}`}
            </dd>
          </>
        )}
      </dl>
      <div className="mt-3 flex gap-2">
        {current !== null && (
          <Link
            to={look.asksApproval ? '/approvals/$id' : '/deployments/$id'}
            params={{ id: current.deploymentId }}
            className="btn btn-small btn-ink"
          >
            {look.asksApproval ? 'Open approval' : 'Open deployment'}
          </Link>
        )}
        {live !== null && (
          <Link to="/deployments/$id" params={{ id: live.deploymentId }} className="btn btn-small">
            What is live
          </Link>
        )}
      </div>
    </>
  );
}
