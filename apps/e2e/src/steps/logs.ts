import { createHash } from 'node:crypto';
import { eventually } from '@sluice/testing';
import { z } from 'zod';
import { readLog } from '../scenario/read-log.ts';
import { runReference, service } from '../scenario/names.ts';
import { stepKind } from './step-kind.ts';

const schema = z.strictObject({
  service,
  run: runReference,
  job: z.string(),
  /** Number of the attempt. Default: the newest. */
  attempt: z.number().optional(),
  contains: z.array(z.string()).default([]),
  lacks: z.array(z.string()).default([]),
  /** The output of a step (from 1) must be exactly these lines, `{n}` counting from 1: compared by SHA-256. */
  lines: z.strictObject({ step: z.number().int().min(1), count: z.number().int(), text: z.string() }).optional(),
});

/** Reads a sealed log as a whole and in ranges, and compares. */
export const log = stepKind(
  'log',
  schema,
  async (scene, { service: slug, run, job, attempt: number, contains, lacks, lines }) => {
    const attempt = await eventually(
      async () => {
        const { jobs } = await scene.run(slug, run);
        const attempts = jobs.find(({ key }) => key === job)?.attempts ?? [];
        const found =
          number === undefined ? attempts.at(-1) : attempts.find((candidate) => candidate.number === number);
        return found?.log.sealed ? found : undefined;
      },
      { timeoutMs: 30_000, describe: `the log of ${job} to be sealed` },
    );
    const problems: string[] = [];
    const whole = await readLog(scene.world, 'vera', attempt.id);
    if (whole.length !== attempt.log.length)
      problems.push(`it has ${whole.length} bytes, and the attempt says ${attempt.log.length}`);
    if (attempt.log.incomplete) problems.push('it is marked as incomplete');
    if (attempt.log.truncated) problems.push('it is marked as truncated');
    const text = whole.toString('utf8');
    for (const part of contains) if (!text.includes(part)) problems.push(`it lacks ${JSON.stringify(part)}`);
    for (const part of lacks) if (text.includes(part)) problems.push(`it holds ${JSON.stringify(part)}`);
    const range = { start: Math.floor(whole.length / 3), end: Math.floor((2 * whole.length) / 3) };
    const part = await readLog(scene.world, 'vera', attempt.id, range);
    if (!part.equals(whole.subarray(range.start, range.end + 1)))
      problems.push(`its bytes ${range.start} to ${range.end} differ when they are read alone`);
    if (lines !== undefined) {
      const offset = attempt.steps.find(({ index }) => index === lines.step - 1)?.logOffset;
      const expected = Buffer.from(
        Array.from({ length: lines.count }, (_, index) => `${lines.text.replaceAll('{n}', String(index + 1))}\n`).join(
          '',
        ),
      );
      if (offset === null || offset === undefined) problems.push(`step ${lines.step} has no place in the log`);
      else {
        const start = whole.indexOf(expected.subarray(0, Math.min(expected.length, 20)), offset);
        const stored = whole.subarray(start, start + expected.length);
        if (start < 0 || sha256(stored) !== sha256(expected))
          problems.push(
            `the SHA-256 of step ${lines.step}'s output is ${sha256(stored)}, expected ${sha256(expected)}`,
          );
      }
    }
    if (problems.length > 0)
      throw new Error(
        `The log of ${job}: ${problems.join('; ')}. It begins with ${JSON.stringify(text.slice(0, 400))} and ends with ${JSON.stringify(text.slice(-400))}`,
      );
  },
);

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
