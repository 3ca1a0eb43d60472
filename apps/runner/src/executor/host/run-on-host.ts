import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { open, readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { AttemptLog } from '../../log/attempt-log.ts';
import { ExecutorTrouble, JobRefused } from '../executor.port.ts';
import type { StepCommand, StepExit } from '../executor.port.ts';
import { orStopped } from '../steps/or-stopped.ts';
import { StepOutput } from '../steps/step-output.ts';
import { stepArguments } from '../steps/step-script.ts';
import { askToEnd, ATTEMPT_VARIABLE, endMarked, isMarked } from './host-processes.ts';

const LOOK_AGAIN_MS = 50;
/** The first act of a step and the begin of its copy are not one. */
const COPY_WAIT_MS = 2000;
const READ_BYTES = 64 * 1024;

export interface HostCommand extends StepCommand {
  readonly workingDir: string;
  /** Where the step leaves what outlives this process. */
  readonly at: string;
  /** Of the attempt; see `ATTEMPT_VARIABLE`. */
  readonly mark: string;
}

/**
 * One step as one `/bin/sh` in a session of its own that runs `STEP_SCRIPT`, the text an argument of its own. One that had begun before is followed
 * instead. On the signal SIGTERM goes to everything of the attempt, as in a container, and after the grace SIGKILL.
 */
export async function runOnHost(
  { run, env, workingDir, at, mark }: HostCommand,
  log: AttemptLog,
  signal: AbortSignal,
  graceMs: () => number,
): Promise<StepExit> {
  const command = stepArguments(run, at, log.maxBytes);
  if (signal.aborted) return { kind: 'stopped' };
  const output = new StepOutput(log, at);
  const child = spawn('/bin/sh', command, {
    cwd: workingDir,
    env: { ...env, [ATTEMPT_VARIABLE]: mark },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, name) => resolve(code ?? 128 + (name === null ? 0 : constants.signals[name])));
  });
  exited.catch(() => undefined);
  const ended = readStep(child, exited, output, log, at, mark);
  ended.catch(() => undefined);
  try {
    const exitCode = await orStopped(ended, signal);
    if (exitCode !== 'stopped') return { kind: 'exited', exitCode };
    await stopAttempt(mark, ended, graceMs());
    return { kind: 'stopped' };
  } catch (error) {
    if (signal.aborted) return { kind: 'stopped' };
    if (error instanceof ExecutorTrouble || error instanceof JobRefused) throw error;
    throw new ExecutorTrouble('host', `The step could not be started: ${String(error)}`, { cause: error });
  }
}

/** What a step leaves running goes on: its outputs are let go when the step itself has ended. */
async function readStep(
  { stdout, stderr }: { readonly stdout: Readable; readonly stderr: Readable },
  exited: Promise<number>,
  output: StepOutput,
  log: AttemptLog,
  at: string,
  mark: string,
): Promise<number> {
  await Promise.all([copy(stdout, 'stdout', output), copy(stderr, 'stderr', output)]);
  output.end();
  if (output.isTaken) return followStep(log, at, mark);
  return output.exitCode ?? (await exited);
}

async function copy(stream: Readable, name: 'stdout' | 'stderr', output: StepOutput): Promise<void> {
  for await (const chunk of stream) {
    await output.write(name, chunk as Uint8Array);
    if (output.isOver) return;
  }
}

async function stopAttempt(mark: string, ended: Promise<unknown>, graceMs: number): Promise<void> {
  const ofAttempt = (one: string) => one === mark;
  if (graceMs > 0) {
    await askToEnd(ofAttempt);
    const timer = new AbortController();
    const over = ended.catch(() => undefined);
    await Promise.race([over, pause(graceMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
    timer.abort();
  }
  await endMarked(ofAttempt);
}

/** Reads the copy of a step from its first byte and then what is added to it, until the step has ended. */
async function followStep(log: AttemptLog, at: string, mark: string): Promise<number> {
  const pid = Number(await readFile(`${at}.began`, 'utf8').catch(() => Number.NaN));
  const output = new StepOutput(log, at);
  const copied = await openCopy(`${at}.out`);
  if (copied !== undefined) {
    try {
      const buffer = Buffer.alloc(READ_BYTES);
      for (let isLast = false; !output.isOver;) {
        const { bytesRead } = await copied.read(buffer);
        // The log keeps what it is given until it is written.
        if (bytesRead > 0) await output.write('stdout', Buffer.from(buffer.subarray(0, bytesRead)));
        else if (isLast) break;
        else {
          isLast = !isMarked(pid, mark);
          await pause(LOOK_AGAIN_MS);
        }
      }
    } finally {
      await copied.close();
    }
    output.end();
  }
  if (output.exitCode !== undefined) return output.exitCode;
  throw new ExecutorTrouble(
    'runner-restarted',
    'The runner was restarted while a step ran, and how the step ended cannot be found out any more.',
  );
}

async function openCopy(file: string) {
  const deadline = performance.now() + COPY_WAIT_MS;
  for (;;) {
    const opened = await open(file).catch(() => undefined);
    if (opened !== undefined || performance.now() > deadline) return opened;
    await pause(LOOK_AGAIN_MS);
  }
}
