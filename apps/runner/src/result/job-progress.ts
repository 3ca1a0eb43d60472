import { attemptResult, stepReport } from '@sluice/protocol';
import { z } from 'zod';

/**
 * How far a job of steps has come: what the next process of the runner needs to take it up again. Written before each step begins and
 * after the last one, so a step that is named as running may be about to begin, under way, or over. No secret is in here.
 */
export const jobProgress = z.object({
  /** Folder of the service below the workspace. */
  path: z.string(),
  renewSeconds: z.number(),
  /** Of the machine's uptime, in seconds: goes on when the process does not, and no clock can turn it back. */
  begunAt: z.number(),
  steps: z.array(stepReport),
  /** Of the steps that are over. */
  outcome: attemptResult.pick({ outcome: true, reason: true, exitCode: true }),
  running: z.object({ index: z.number().int(), begunAt: z.number() }).nullable(),
  /** Length of the log before what comes next. */
  logOffset: z.number().int(),
  /** Tells whether the job's secrets are still those it began with; null when it has none. */
  secrets: z.string().nullable(),
});
export type JobProgress = z.infer<typeof jobProgress>;
