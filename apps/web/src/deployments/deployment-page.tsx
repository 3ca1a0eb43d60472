import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { Check } from 'lucide-react';
import { useNow } from '../api/server-clock.ts';
import { queries } from '../api/queries.ts';
import type { DeploymentDetail, ReleaseRef } from '../api/shapes.ts';
import { Card } from '../approvals/change-cards.tsx';
import { ReadFailed } from '../frame/not-there.tsx';
import { useLive } from '../live/use-live.ts';
import { WaitPanel } from '../run/wait-panel.tsx';
import { Age } from '../ui/age.tsx';
import { Avatar } from '../ui/avatar.tsx';
import { CopyText } from '../ui/copy-text.tsx';
import { SkeletonRows } from '../ui/notice.tsx';
import { Crumb, Crumbs } from '../ui/screen.tsx';
import { StatusPill } from '../ui/status-icon.tsx';
import { isOver, statusLook } from '../ui/status.ts';
import { isPresent } from '../ui/is-present.ts';
import { UntrustedText } from '../ui/untrusted-text.tsx';
import { clockTime, duration, elapsed, exactTime, plural, shortDigest, shortSha } from '../ui/wording.ts';

const route = getRouteApi('/signed-in/deployments/$id');

export function DeploymentPage() {
  const { id } = route.useParams();
  const deployment = useQuery(queries.deployment(id));
  useLive(`deployment:${id}`, ['deployment', id]);
  if (deployment.isPending) return <SkeletonRows rows={8} height={48} />;
  if (deployment.data === undefined) {
    return (
      <ReadFailed
        error={deployment.error}
        what="This deployment"
        doing="load the deployment"
        parent={{ to: '/environments', word: 'environments' }}
        onRetry={() => void deployment.refetch()}
      />
    );
  }
  return <LoadedDeployment deployment={deployment.data} />;
}

function LoadedDeployment({ deployment }: { deployment: DeploymentDetail }) {
  const { release, replaced } = deployment;
  const gate = deployment.waiting?.code === 'approval';
  return (
    <>
      <Crumbs title={`${deployment.service} #${release.runNumber} in ${deployment.environment}`}>
        <Crumb>
          <Link to="/environments">Environments</Link>
        </Crumb>
        <Crumb>
          <Link to="/services/$service" params={{ service: deployment.service }}>
            {deployment.service}
          </Link>
        </Crumb>
        <Crumb last>
          #{release.runNumber} in {deployment.environment}
        </Crumb>
      </Crumbs>
      <header className="border-b border-line bg-surface px-3 py-4 md:px-6">
        <div className="flex flex-wrap items-center gap-3">
          <h1 className="text-title font-semibold tracking-[-0.018em]">
            {deployment.service} #{release.runNumber} in {deployment.environment}
          </h1>
          <DeploymentPill deployment={deployment} />
          {gate && (
            <Link to="/approvals/$id" params={{ id: deployment.id }} className="btn btn-ink ml-auto">
              Open approval
            </Link>
          )}
        </div>
        <p className="mt-1.5 flex flex-wrap gap-x-5 gap-y-1 text-text-2">
          <span>
            Asked by <UntrustedText text={deployment.requestedBy.name} />, <Age at={deployment.enteredAt} words />
          </span>
          <span>{deployment.target}</span>
          <Link
            to="/services/$service/runs/$number"
            params={{ service: deployment.service, number: String(release.runNumber) }}
            className="link"
          >
            Run {release.runNumber}
          </Link>
        </p>
        {deployment.reason !== null && (
          <p
            className={`mt-2 ${deployment.status === 'failed' || deployment.status === 'errored' ? 'text-failed' : 'text-warning'}`}
          >
            {deployment.reason.message}
          </p>
        )}
      </header>
      <div className="grid content-start gap-4 px-3 py-4 md:px-6 lg:grid-cols-[minmax(0,1fr)_336px]">
        <div className="flex min-w-0 flex-col gap-4">
          {deployment.waiting !== null && (
            <WaitPanel
              subject="this deployment"
              waiting={deployment.waiting}
              approvalId={gate ? deployment.id : null}
            />
          )}
          <Card id="target-events" title="What the target did">
            <ol className="py-1">
              {deployment.events.map((event, index) => (
                <li key={`${event.at} ${index}`} className="flex gap-4 px-4 py-1.5">
                  <time dateTime={event.at} title={exactTime(event.at)} className="flex-none text-text-3 tnum">
                    {clockTime(event.at)}
                  </time>
                  <span className="min-w-0 break-words">
                    <UntrustedText text={event.text} />
                  </span>
                </li>
              ))}
              {deployment.events.length === 0 && (
                <li className="px-4 py-1.5 text-text-2">
                  {isPresent(deployment.eventsRemoved)
                    ? `Removed by retention ${plural(deployment.eventsRemoved.afterDays, 'day')} after the end.`
                    : 'Nothing yet.'}
                </li>
              )}
            </ol>
          </Card>
        </div>
        <div className="flex flex-col gap-4">
          <Card id="released" title="Released">
            <ReleaseFacts release={release} />
          </Card>
          {replaced !== null && (
            <Card id="replaced" title={deployment.status === 'rolled-back' ? 'Went back to' : 'In place of'}>
              <ReleaseFacts release={replaced} />
            </Card>
          )}
          <Card id="approved-by" title="Approvals">
            <ul className="py-1.5">
              {deployment.approvals.map((approval) => (
                <li key={approval.userId} className="flex items-center gap-3 px-4 py-1.5">
                  <Avatar name={approval.name} large />
                  <span className="min-w-0 flex-1">
                    <span className="block font-medium">{approval.name}</span>
                    {approval.note !== null && (
                      <span className="block text-text-2">
                        <UntrustedText text={approval.note} />
                      </span>
                    )}
                  </span>
                  <span className="inline-flex items-center gap-1.5 text-passed">
                    <Check size={14} aria-hidden="true" />
                    <time dateTime={approval.at} title={exactTime(approval.at)}>
                      {clockTime(approval.at)}
                    </time>
                  </span>
                </li>
              ))}
              {deployment.approvals.length === 0 && (
                <li className="px-4 py-1.5 text-text-2">{gate ? 'None yet.' : 'None were needed.'}</li>
              )}
            </ul>
          </Card>
        </div>
      </div>
    </>
  );
}

function DeploymentPill({ deployment }: { deployment: DeploymentDetail }) {
  const running = deployment.status === 'running';
  const now = useNow(running);
  const { word } = statusLook(deployment.status);
  if (deployment.waiting?.code === 'approval') return <StatusPill status="gate" />;
  if (deployment.startedAt === null) return <StatusPill status={deployment.status} />;
  const begin = Date.parse(deployment.startedAt);
  if (running) return <StatusPill status="running" text={`${word} ${elapsed(now - begin)}`} />;
  return (
    <StatusPill
      status={deployment.status}
      text={
        isOver(deployment.status) && deployment.finishedAt !== null
          ? `${word} in ${duration(Date.parse(deployment.finishedAt) - begin)}`
          : word
      }
    />
  );
}

function ReleaseFacts({ release }: { release: ReleaseRef }) {
  return (
    <dl className="grid grid-cols-[76px_minmax(0,1fr)] items-center gap-y-1 px-4 py-3">
      <dt className="text-text-2">Run</dt>
      <dd className="mono font-medium">#{release.runNumber}</dd>
      <dt className="text-text-2">Commit</dt>
      <dd>
        <CopyText
          value={release.commit}
          shown={shortSha(release.commit)}
          label={`commit of run ${release.runNumber}`}
        />
      </dd>
      <dt className="text-text-2">Image</dt>
      <dd className="mono truncate" title={release.repository}>
        {release.repository}
      </dd>
      <dt className="text-text-2">Digest</dt>
      <dd>
        <CopyText
          value={release.digest}
          shown={shortDigest(release.digest)}
          label={`digest of run ${release.runNumber}`}
        />
      </dd>
    </dl>
  );
}
