import { readFileSync } from 'node:fs';
import { eventually, type Api } from '@sluice/testing';
import type { RunDetail, Scene } from '../scenario/scene.ts';
import { readDatabase } from '../world/read-database.ts';
import { askAgain } from './ask-again.ts';
import { endOf, pushOnce } from './release-once.ts';
import { rowsOfKept, type Rows } from './rows.ts';

const PATIENCE_MS = 120_000;
const PERSON = 'dana';
const JOB = 'commit/unit';
/** Long enough to come in more than one piece; no part of the answer can be mistaken for the echo of the question. */
const LINE = 'seq 1 4000; echo answer $((40 + 2))\n';
const ANSWER = { begins: '\r\n1\r\n2\r\n', ends: '\r\nanswer 42\r\n' } as const;

type KeptJob = Awaited<ReturnType<Api['debug']['getDebug']>>['kept'][number];

/**
 * A job fails and is run again twice with its container kept. In the first a shell is opened, a line typed, its answer read and the
 * shell closed before a person ends the keeping; that of the second is over by its time, while a shell is open in it and its runner
 * does nothing.
 */
export async function keepContainers(scene: Scene, name: string): Promise<() => Promise<Rows>> {
  await pushOnce(scene, name, 'failing');
  await endOf(scene, name, 'failed');
  const run = await scene.run(undefined, name);
  const asked = await keptRerun(scene, run);
  const shellId = await openShell(scene, asked);
  const prompt = await readUntil(scene, shellId, '', '# ');
  await typeOnce(scene, asked.kept.attemptId, shellId, LINE);
  const said = await readUntil(scene, shellId, prompt, ANSWER.ends);
  // When the terminal gets its size, the shell may write its prompt anew, sooner or later.
  const answer = said.slice(said.indexOf(ANSWER.begins));
  await askAgain('the end of the shell', () => debugOf(scene).closeShell({ shellId }));
  await askAgain('the end of the keeping', () => debugOf(scene).endKept({ attemptId: asked.kept.attemptId }));
  await endOfKept(scene, asked);

  const timed = await keptRerun(scene, run);
  await openShell(scene, timed);
  await timePasses(scene, timed);
  await endOfKept(scene, timed);
  return () => rowsOfKept(scene, [run.id, asked.runId, timed.runId], { answer });
}

interface KeptRun {
  readonly runId: string;
  readonly kept: KeptJob;
}

function debugOf(scene: Scene): Api['debug'] {
  return scene.world.api(PERSON).debug;
}

async function keptRerun(scene: Scene, run: RunDetail): Promise<KeptRun> {
  const { runId } = await askAgain('a re-run with its container kept', () =>
    scene.world.api(PERSON).runs.rerun({ runId: run.id, scope: { kind: 'failed' }, debug: { keepMinutes: 30 } }),
  );
  const kept = await eventually(async () => (await debugOf(scene).getDebug({ runId })).kept[0], {
    timeoutMs: PATIENCE_MS,
    everyMs: 100,
    describe: `a kept container of ${JOB}`,
  });
  return { runId, kept };
}

/** Also its runner has removed it, and has told so: that is its last word about it. */
async function endOfKept({ world }: Scene, { kept }: KeptRun): Promise<void> {
  await eventually(
    () =>
      world.runners.some(({ logFile }) =>
        readFileSync(logFile, 'utf8')
          .split('\n')
          .some((line) => line.includes(kept.attemptId) && line.includes('the container of a failed job is removed')),
      ),
    { timeoutMs: PATIENCE_MS, everyMs: 100, describe: `the container of ${JOB} to be removed` },
  );
}

/** Whoever got no answer looks at the page of the run, and goes on in a shell that is there. */
async function openShell(scene: Scene, { runId, kept }: KeptRun): Promise<string> {
  return askAgain('a shell', async () => {
    const found = (await debugOf(scene).getDebug({ runId })).kept[0]?.shells.find(({ closedAt }) => closedAt === null);
    if (found !== undefined) return found.id;
    return (await debugOf(scene).openShell({ attemptId: kept.attemptId, columns: 120, rows: 30 })).shellId;
  });
}

/** Whoever got no answer looks whether the line was taken before they type it once more. */
async function typeOnce(scene: Scene, attemptId: string, shellId: string, text: string): Promise<void> {
  const before = await ordersOf(scene, attemptId);
  await askAgain('a line to be taken', async () => {
    if ((await ordersOf(scene, attemptId)) === before) await debugOf(scene).writeShell({ shellId, text });
  });
}

async function ordersOf(scene: Scene, attemptId: string): Promise<number> {
  return readDatabase(scene.world, async (database) => {
    const { rows } = await database.query<{ orders: number }>({
      text: 'select last_sequence::int as orders from kept_jobs where attempt_id = $1::uuid',
      values: [attemptId],
    });
    return rows[0]!.orders;
  });
}

/** All that the shell has said up to the end of this text. It is read by offset: a byte that came twice or not at all would show. */
async function readUntil(scene: Scene, shellId: string, before: string, text: string): Promise<string> {
  let said = before;
  await eventually(
    async () => {
      const { from, data } = await debugOf(scene).readShell({ shellId, from: said.length });
      if (from !== said.length) throw new Error(`The shell goes on at ${from}, and ${said.length} bytes were read.`);
      said += Buffer.from(data, 'base64').toString('latin1');
      return said.includes(text, before.length);
    },
    { timeoutMs: PATIENCE_MS, everyMs: 50, describe: `a shell that says ${JSON.stringify(text)}` },
  );
  return said.slice(0, said.indexOf(text, before.length) + text.length);
}

/** A runner would write the end down as well, and one of them is first: so it is held until a server has. */
async function timePasses({ world }: Scene, { kept: { attemptId } }: KeptRun): Promise<void> {
  const pids = world.runners.flatMap(({ pid }) => pid ?? []);
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  try {
    const ask = (text: string) =>
      readDatabase(world, async (database) => (await database.query({ text, values: [attemptId] })).rowCount ?? 0);
    await ask('update kept_jobs set until = clock_timestamp() where attempt_id = $1::uuid');
    await eventually(
      async () => (await ask('select 1 from kept_jobs where attempt_id = $1::uuid and ended_at is not null')) > 0,
      { timeoutMs: PATIENCE_MS, everyMs: 100, describe: 'a server to end what time has ended' },
    );
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }
}
