import { oc } from '@orpc/contract';
import { z } from 'zod';
import { id, instant, slug } from './values.ts';

export const testReport = z.object({
  job: z.string(),
  /** Number of the job's attempt that sent it. */
  attempt: z.number().int(),
  file: z.string(),
  cases: z.number().int(),
  /** Why the cases of this file were not kept; the job's own result does not depend on it. */
  finding: z.string().nullable(),
  receivedAt: instant,
});

/** How one test came out in one attempt. */
export const testOutcome = z.object({
  run: z.object({ id, number: z.number().int(), ref: z.string(), commit: z.string(), at: instant }),
  job: z.string(),
  attempt: z.number().int(),
  status: z.enum(['passed', 'failed', 'skipped']),
  seconds: z.number(),
  message: z.string().nullable(),
});

export const reportsContract = {
  getTestHistory: oc
    .route({
      method: 'GET',
      path: '/services/{service}/tests/history',
      tags: ['runs'],
      summary: 'How one test, named by suite and name, came out in the newest 50 attempts that reported it',
    })
    .input(z.object({ service: slug, suite: z.string().max(500).default(''), name: z.string().max(500).default('') }))
    .output(z.array(testOutcome)),
  listReports: oc
    .route({
      method: 'GET',
      path: '/runs/{runId}/reports',
      tags: ['runs'],
      summary: 'Test report files, with those that were refused and why',
    })
    .input(z.object({ runId: id }))
    .output(z.array(testReport)),
};
