import { eventually } from '@sluice/testing';
import { z } from 'zod';
import { expectedRun } from '../scenario/expected-run.ts';
import { runDifferences } from '../scenario/run-differences.ts';
import { readLog } from '../scenario/read-log.ts';
import { stepKind } from './step-kind.ts';

const schema = expectedRun.extend({
  /** Text that the log of a job's newest attempt must hold. */
  log: z.strictObject({ job: z.string(), contains: z.string() }).optional(),
  /** Seconds. */
  within: z.number().default(60),
});

class Ended extends Error {}

/** Waits until a run looks as told. A run that ended otherwise is not waited for. */
export const waitFor = stepKind('waitFor', schema, async (scene, { log, within, ...expected }) => {
  let left: string[] = ['there is no such run'];
  try {
    await eventually(
      async () => {
        const run = await scene.findRun(expected.service, expected.run);
        if (run === undefined) return false;
        left = await runDifferences(scene, run, expected);
        if (log !== undefined) {
          const attempt = run.jobs.find(({ key }) => key === log.job)?.attempts.at(-1);
          const text = attempt === undefined ? '' : (await readLog(scene.world, 'vera', attempt.id)).toString('utf8');
          if (!text.includes(log.contains))
            left.push(`the log of ${log.job} does not hold ${JSON.stringify(log.contains)}`);
        }
        if (left.length > 0 && run.finishedAt !== null) throw new Ended();
        return left.length === 0;
      },
      { timeoutMs: within * 1000, everyMs: 100, describe: 'the run', giveUpOn: (error) => error instanceof Ended },
    );
  } catch (error) {
    const how = error instanceof Ended ? 'It ended otherwise' : `After ${within} s`;
    const last = error instanceof Error && !(error instanceof Ended) ? ` (${error.message})` : '';
    throw new Error(`${how}: ${left.join('; ')}${left.length > 0 ? '' : last}`, { cause: error });
  }
});
