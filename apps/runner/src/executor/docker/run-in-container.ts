import { setTimeout as pause } from 'node:timers/promises';
import type Docker from 'dockerode';
import type { AttemptLog } from '../../log/attempt-log.ts';
import { ExecutorTrouble } from '../executor.port.ts';
import type { StepCommand, StepExit } from '../executor.port.ts';
import { orStopped } from '../steps/or-stopped.ts';
import { StepOutput } from '../steps/step-output.ts';
import { FOLLOW_SCRIPT, stepArguments } from '../steps/step-script.ts';
import { toTrouble } from './engine-trouble.ts';
import { copyOutput } from './exec-output.ts';

/** The end of an exec's output may come a moment before the engine knows its exit code. */
const EXIT_CODE_WAIT_MS = 5000;

export interface ContainerCommand extends StepCommand {
  readonly workingDir: string;
  /** Where the step leaves what outlives this process; its own in the container. */
  readonly at: string;
}

/**
 * One step as one exec of `STEP_SCRIPT`, the text an argument of its own. One that had begun before is followed instead. Cancelling an exec would leave its processes running, so
 * the signal is answered inside: SIGTERM to everything in the container but its keeper, then, after the grace, SIGKILL.
 */
export async function runInContainer(
  container: Docker.Container,
  { run, env, workingDir, at }: ContainerCommand,
  log: AttemptLog,
  signal: AbortSignal,
  graceMs: () => number,
): Promise<StepExit> {
  const command = stepArguments(run, at, log.maxBytes);
  if (signal.aborted) return { kind: 'stopped' };
  try {
    const exec = await container.exec({
      Cmd: ['sh', ...command],
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      WorkingDir: workingDir,
      AttachStdout: true,
      AttachStderr: true,
    });
    const stream = await exec.start({});
    const output = new StepOutput(log, at);
    const ended = readStep(container, stream as AsyncIterable<Uint8Array>, output, log, at);
    if ((await orStopped(ended, signal)) === 'stopped') {
      await stopInside(container, ended, graceMs());
      stream.destroy();
      return { kind: 'stopped' };
    }
    const exitCode = (await ended) ?? (await exitCodeOf(exec));
    if (exitCode !== 137) return { kind: 'exited', exitCode };
    return { kind: (await ranOutOfMemory(container)) ? 'oom' : 'exited', exitCode };
  } catch (error) {
    if (signal.aborted) return { kind: 'stopped' };
    throw toTrouble(error, 'run a step');
  }
}

/** Its exit code, as far as the output tells. */
async function readStep(
  container: Docker.Container,
  stream: AsyncIterable<Uint8Array>,
  output: StepOutput,
  log: AttemptLog,
  at: string,
): Promise<number | undefined> {
  await copyOutput(stream, output);
  output.end();
  return output.isTaken ? followStep(container, log, at) : output.exitCode;
}

async function followStep(container: Docker.Container, log: AttemptLog, at: string): Promise<number> {
  const exec = await container.exec({
    Cmd: ['sh', '-c', FOLLOW_SCRIPT, 'follow', at],
    AttachStdout: true,
    AttachStderr: true,
  });
  const output = new StepOutput(log, at);
  await copyOutput((await exec.start({})) as AsyncIterable<Uint8Array>, output);
  output.end();
  if (output.exitCode !== undefined) return output.exitCode;
  throw new ExecutorTrouble(
    'runner-restarted',
    'The runner was restarted while a step ran, and how the step ended cannot be found out any more.',
  );
}

/** Runs a short command of our own; its output is dropped. */
export async function runQuietly(
  container: Docker.Container,
  command: readonly string[],
  signal?: AbortSignal,
): Promise<number> {
  const exec = await container.exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true });
  const stream = await exec.start(signal === undefined ? {} : { abortSignal: signal });
  for await (const _ of stream as AsyncIterable<Uint8Array>);
  return exitCodeOf(exec);
}

async function stopInside(container: Docker.Container, ended: Promise<unknown>, graceMs: number): Promise<void> {
  if (graceMs <= 0) return void ended.catch(() => undefined);
  const quiet = ended.catch(() => undefined);
  await runQuietly(container, ['sh', '-c', 'kill -s TERM -- -1']).catch(() => undefined);
  const timer = new AbortController();
  await Promise.race([quiet, pause(graceMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
  timer.abort();
}

async function exitCodeOf(exec: Docker.Exec): Promise<number> {
  const deadline = performance.now() + EXIT_CODE_WAIT_MS;
  for (;;) {
    const { Running, ExitCode } = await exec.inspect();
    if (!Running && typeof ExitCode === 'number') return ExitCode & 255;
    if (performance.now() > deadline)
      throw new ExecutorTrouble(
        'engine',
        'The container engine cut the output of a step and does not say how it ended.',
      );
    await pause(20);
  }
}

/** Also tells a killed container from a killed command: without its container an exit code says nothing about the user's command. */
async function ranOutOfMemory(container: Docker.Container): Promise<boolean> {
  const docker = { modem: container.modem } as Docker;
  const { State } = await container.inspect();
  const events = (await engineEvents(docker, container, State.StartedAt)).some(
    (event) => event.Action === 'oom' || event.status === 'oom',
  );
  if (events || State.OOMKilled) return true;
  // The engine may not have noticed yet that the container is gone: a command of our own finds out.
  const alive = State.Running && (await runQuietly(container, ['sh', '-c', ':']).catch(() => 1)) === 0;
  if (!alive) throw new ExecutorTrouble('engine', "The job's container was ended from outside while a step ran.");
  return false;
}

interface EngineEvent {
  readonly Action?: string;
  readonly status?: string;
}

/** What happened to the container up to now, by the engine's own clock. */
async function engineEvents(docker: Docker, container: Docker.Container, since: string): Promise<EngineEvent[]> {
  const call = <T>(path: string, options: object): Promise<T> =>
    new Promise((resolve, reject) => {
      docker.modem.dial(
        { path, method: 'GET', options, statusCodes: { 200: true } },
        (error: Error | null, answer: unknown) => (error === null ? resolve(answer as T) : reject(error)),
      );
    });
  const { SystemTime } = await call<{ SystemTime: string }>('/info', {});
  const seconds = (time: string) => Math.floor(Date.parse(time) / 1000);
  const answer = await call<unknown>('/events?', {
    since: seconds(since),
    until: seconds(SystemTime) + 1,
    filters: JSON.stringify({ container: [container.id], event: ['oom'] }),
  });
  const text = Buffer.isBuffer(answer)
    ? answer.toString()
    : typeof answer === 'string'
      ? answer
      : JSON.stringify(answer ?? '');
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as EngineEvent);
}
