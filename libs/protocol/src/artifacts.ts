import { oc } from '@orpc/contract';
import { z } from 'zod';
import { id, instant } from './values.ts';

/**
 * What runs left behind. The files themselves: `GET /api/v1/artifacts/{artifactId}/download`, a gzipped tar with its SHA-256 as `etag`,
 * always to be saved and never to be shown.
 */
export const artifact = z.object({
  id,
  name: z.string(),
  job: z.string(),
  /** Number of the job's attempt that left it. */
  attempt: z.number().int(),
  /** The earlier run that left it, for a job that a re-run took over. */
  fromRun: z.object({ id, number: z.number().int() }).nullable(),
  files: z.number().int(),
  /** Of the packed file, in bytes. */
  length: z.number().int(),
  sha256: z.string(),
  createdAt: instant,
});

/** What came of one cache of one attempt. */
export const cacheUse = z.object({
  job: z.string(),
  attempt: z.number().int(),
  key: z.string(),
  /** `partial`: another key was taken, one that begins as `restore` says. */
  outcome: z.enum(['hit', 'partial', 'miss']),
  foundKey: z.string().nullable(),
  /** Of what was put in place, packed. */
  length: z.number().int().nullable(),
  /** Whether the attempt left a new one. */
  left: z.boolean(),
});

export const artifactsContract = {
  listArtifacts: oc
    .route({
      method: 'GET',
      path: '/runs/{runId}/artifacts',
      tags: ['runs'],
      summary: 'Artifacts of a run, those of jobs it took over included',
    })
    .input(z.object({ runId: id }))
    .output(z.array(artifact)),
  listCacheUses: oc
    .route({
      method: 'GET',
      path: '/runs/{runId}/caches',
      tags: ['runs'],
      summary: 'Which caches its jobs found and left',
    })
    .input(z.object({ runId: id }))
    .output(z.array(cacheUse)),
};
