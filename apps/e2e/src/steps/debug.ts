import { eventually, type Api } from '@sluice/testing';
import { z } from 'zod';
import { person, refusal, runReference, service } from '../scenario/names.ts';
import type { Scene } from '../scenario/scene.ts';
import { TEAM } from '../world/cast.ts';
import { expectAnswer } from './refused.ts';
import { stepKind } from './step-kind.ts';

const inJob = { service, run: runReference, job: z.string(), by: person.default('dana') };

/** Opens a shell in the kept container of a job, types line by line, waits for what it shows, and closes it unless it is to be left. */
export const shell = stepKind(
  'shell',
  z.strictObject({
    ...inJob,
    type: z.array(z.string()).default([]),
    shows: z.array(z.string()).default([]),
    lacks: z.array(z.string()).default([]),
    leave: z.boolean().default(false),
    refused: refusal,
  }),
  async (scene, { service: slug, run, job, by, type, shows, lacks, leave, refused }) => {
    const attemptId = await keptAttempt(scene, slug, run, job);
    const { debug } = scene.world.api(by);
    const open = () => debug.openShell({ attemptId, columns: 120, rows: 30 });
    if (refused !== undefined) return expectAnswer(`The shell of ${by}`, open, refused);
    const { shellId } = await open();
    for (const line of type) await debug.writeShell({ shellId, text: `${line}\n` });
    let said = '';
    let from = 0;
    await eventually(
      async () => {
        const answer = await debug.readShell({ shellId, from });
        const bytes = Buffer.from(answer.data, 'base64');
        said += bytes.toString('latin1');
        from = answer.from + bytes.length;
        return shows.every((text) => said.includes(Buffer.from(text).toString('latin1')));
      },
      { timeoutMs: 30_000, everyMs: 50, describe: `a shell that shows ${shows.join(', ')}` },
    ).catch((error: unknown) => {
      throw new Error(`The shell showed ${JSON.stringify(said)}.`, { cause: error });
    });
    if (!leave) await debug.closeShell({ shellId });
    for (const text of lacks) if (said.includes(text)) throw new Error(`The shell shows ${JSON.stringify(text)}.`);
  },
);

export const endKept = stepKind(
  'endKept',
  z.strictObject({ ...inJob, refused: refusal }),
  async (scene, { service: slug, run, job, by, refused }) => {
    const attemptId = await keptAttempt(scene, slug, run, job);
    await expectAnswer(`The end by ${by}`, () => scene.world.api(by).debug.endKept({ attemptId }), refused);
  },
);

/** The page of the run says that a kept container is over, and why, without anybody asking for it. */
export const keptEnded = stepKind(
  'keptEnded',
  z.strictObject({ service, run: runReference, job: z.string(), why: z.string(), within: z.number().default(30) }),
  async (scene, { service: slug, run, job, why, within }) => {
    const { id: runId } = await scene.run(slug, run);
    const kept = await eventually(
      async () => {
        const found = (await scene.reader.debug.getDebug({ runId })).kept.find((one) => one.job === job);
        return found?.endedAt ? found : undefined;
      },
      { timeoutMs: within * 1000, everyMs: 200, describe: `the end of what is kept of ${job}` },
    );
    if (!kept.ended?.includes(why)) throw new Error(`What was kept of ${job} ended: ${kept.ended}`);
    const open = kept.shells.filter(({ closedAt }) => closedAt === null);
    if (open.length > 0) throw new Error(`${open.length} shells are still said to be open in it.`);
  },
);

/** What the audit trail says of the kept container of a job, in this order and nothing else. */
export const keptAudit = stepKind(
  'keptAudit',
  z.strictObject({ service, run: runReference, job: z.string(), actions: z.array(z.string()) }),
  async (scene, { service: slug, run, job, actions }) => {
    const attemptId = await keptAttempt(scene, slug, run, job);
    const entries = await auditOf(scene.reader, `attempt:${attemptId}`);
    if (entries.join() !== actions.join())
      throw new Error(`The audit trail of ${job} says ${entries.join(', ')}, expected ${actions.join(', ')}.`);
  },
);

/** Newest first, so the first pages hold what just happened. */
async function auditOf(api: Api, subject: string): Promise<string[]> {
  const { items } = await api.catalog.listAudit({ team: TEAM.slug, limit: 200 });
  return items
    .filter((entry) => entry.subject === subject && entry.action.startsWith('debug.'))
    .map(({ action }) => action)
    .reverse();
}

async function keptAttempt(
  scene: Scene,
  slug: string | undefined,
  run: number | string | undefined,
  job: string,
): Promise<string> {
  const { id: runId } = await scene.run(slug, run);
  return eventually(
    async () => (await scene.reader.debug.getDebug({ runId })).kept.find((one) => one.job === job)?.attemptId,
    { timeoutMs: 15_000, everyMs: 50, describe: `the kept container of ${job}` },
  );
}
