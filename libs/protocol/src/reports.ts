import { oc } from '@orpc/contract';
import { z } from 'zod';
import { id, instant } from './values.ts';

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

export const reportsContract = {
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
