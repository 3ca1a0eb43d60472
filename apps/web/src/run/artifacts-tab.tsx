import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import type { Artifact, CacheUse } from '../api/shapes.ts';
import { CopyText } from '../ui/copy-text.tsx';
import { EmptyState, ErrorBar, SkeletonRows } from '../ui/notice.tsx';
import { UntrustedText } from '../ui/untrusted-text.tsx';
import { plural, shortDigest, size } from '../ui/wording.ts';

/** What the jobs left behind, to be saved, and which caches they found. */
export function ArtifactsTab({ runId, service, over }: { runId: string; service: string; over: boolean }) {
  const artifacts = useQuery(queries.runArtifacts(runId));
  const caches = useQuery(queries.runCaches(runId));
  if (artifacts.isPending) return <SkeletonRows rows={4} height={44} />;
  if (artifacts.isError)
    return (
      <div className="p-4">
        <ErrorBar onRetry={() => void artifacts.refetch()}>
          {problemSentence(artifacts.error, 'load the artifacts')}
        </ErrorBar>
      </div>
    );
  const uses = caches.data ?? [];
  if (artifacts.data.length === 0 && uses.length === 0)
    return (
      <EmptyState title={over ? 'No job of this run left an artifact.' : 'No artifact has arrived yet.'}>
        Name the files under <code>artifacts</code> of a job.
      </EmptyState>
    );
  return (
    <div className="mx-auto max-w-[1000px] p-4 max-md:p-3">
      {artifacts.data.length > 0 && (
        <ul className="card" aria-label="Artifacts of this run">
          {artifacts.data.map((artifact) => (
            <ArtifactRow key={artifact.id} artifact={artifact} service={service} />
          ))}
        </ul>
      )}
      {uses.length > 0 && (
        <section className="card mt-3" aria-labelledby="caches">
          <h2 id="caches" className="card-head">
            Caches
          </h2>
          <ul>
            {uses.map((use) => (
              <CacheRow key={`${use.job} ${use.attempt} ${use.key}`} use={use} />
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

function ArtifactRow({ artifact, service }: { artifact: Artifact; service: string }) {
  const { id, name, job, attempt, fromRun, files, length, sha256 } = artifact;
  return (
    <li className="flex items-center gap-x-3 border-b border-line px-4 py-2.5 last:border-0">
      <span className="min-w-0 flex-1 wrap-anywhere">
        <span className="font-medium">{name}</span>{' '}
        <span className="text-text-2">
          of {job}
          {attempt > 1 && `, attempt ${attempt}`}
          {fromRun !== null && (
            <>
              , left by{' '}
              <Link
                to="/services/$service/runs/$number"
                params={{ service, number: String(fromRun.number) }}
                className="link"
              >
                run {fromRun.number}
              </Link>
            </>
          )}
        </span>
        <span className="block text-text-2">
          {plural(files, 'file')}, {size(length)} packed,{' '}
          <CopyText value={sha256} shown={shortDigest(`sha256:${sha256}`)} label={`SHA-256 of ${name}`} />
        </span>
      </span>
      <a
        className="btn btn-small ml-auto"
        href={`/api/v1/artifacts/${id}/download`}
        download
        aria-label={`Download ${name}`}
      >
        Download
      </a>
    </li>
  );
}

const OUTCOMES = { hit: 'found', partial: 'found a similar one', miss: 'not there' } as const;

function CacheRow({ use }: { use: CacheUse }) {
  const { job, key, outcome, length, left } = use;
  return (
    <li className="border-b border-line px-4 py-2 last:border-0">
      <span className="mono break-all">
        <UntrustedText text={key} />
      </span>{' '}
      <span className="text-text-2">
        of {job}: {OUTCOMES[outcome]}
        {length !== null && `, ${size(length)}`}
        {left && ', kept anew'}
      </span>
    </li>
  );
}
