import { PassThrough } from 'node:stream';
import type Docker from 'dockerode';
import { TargetSilentError } from '../target.port.ts';
import type { HostAddress } from './container-spec.ts';
import { asSilent, engineSays, statusOf } from './engine-error.ts';

export interface HealthQuestion {
  readonly port: number;
  readonly path: string;
  /** Where the engine maps the port on this machine; null when it maps none or is elsewhere. */
  readonly mapped: HostAddress | null;
  readonly signal: AbortSignal;
}

export interface HealthAnswer {
  readonly ok: boolean;
  /** Part of a sentence: `GET /healthz answered 503`. */
  readonly text: string;
}

const ANSWER_SECONDS = 4;

/**
 * Asks for the health path: straight at the mapped port of an engine on this machine, else from inside the container with
 * the first of these programs that its image has. The address is an argument of its own, never part of a script.
 */
export async function probeHealth(container: Docker.Container, question: HealthQuestion): Promise<HealthAnswer> {
  const direct = question.mapped === null ? null : await askDirectly(question.mapped, question);
  return direct ?? askInside(container, question);
}

/** Null when nothing listens there: a server that runs in a container itself does not see the ports of its host. */
async function askDirectly({ HostIp, HostPort }: HostAddress, { path, signal }: HealthQuestion): Promise<HealthAnswer | null> {
  const host = HostIp === '0.0.0.0' || HostIp === '' ? '127.0.0.1' : HostIp === '::' ? '[::1]' : HostIp.includes(':') ? `[${HostIp}]` : HostIp;
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_SECONDS * 1000)]);
    const answer = await fetch(`http://${host}:${HostPort}${path}`, { signal: limit, redirect: 'manual' });
    await answer.body?.cancel();
    return { ok: answer.ok, text: `GET ${path} answered ${answer.status}` };
  } catch (error) {
    if (signal.aborted) throw new TargetSilentError('the probe was stopped', { cause: error });
    if ((error as Error).name === 'TimeoutError') return { ok: false, text: `GET ${path} gave no answer within ${ANSWER_SECONDS} s` };
    return null;
  }
}

const PROGRAMS: readonly ((url: string) => string[])[] = [
  (url) => ['wget', '-q', '-T', String(ANSWER_SECONDS), '-O', '/dev/null', url],
  (url) => ['curl', '-fsS', '-m', String(ANSWER_SECONDS), '-o', '/dev/null', url],
  (url) => ['node', '-e', `fetch(process.argv[1],{signal:AbortSignal.timeout(${ANSWER_SECONDS}000)}).then((a)=>process.exit(a.ok?0:1),()=>process.exit(1))`, url],
  (url) => ['python3', '-c', `import sys,urllib.request;urllib.request.urlopen(sys.argv[1],timeout=${ANSWER_SECONDS})`, url],
];

async function askInside(container: Docker.Container, { port, path }: HealthQuestion): Promise<HealthAnswer> {
  const url = `http://127.0.0.1:${port}${path}`;
  for (const program of PROGRAMS) {
    const exit = await run(container, program(url));
    if (exit === 'no-such-program') continue;
    if (exit === 'not-running') return { ok: false, text: 'the container does not run' };
    return { ok: exit === 0, text: exit === 0 ? `GET ${path} answered` : `GET ${path} inside the container gave no good answer` };
  }
  return { ok: false, text: `GET ${path} could not be asked: the image has none of wget, curl, node and python3; map a host port or declare a HEALTHCHECK` };
}

async function run(container: Docker.Container, Cmd: string[]): Promise<number | 'no-such-program' | 'not-running'> {
  try {
    const exec = await container.exec({ Cmd, AttachStdout: true, AttachStderr: true });
    const stream = await exec.start({ hijack: true, stdin: false });
    await drained(stream);
    const { ExitCode } = await exec.inspect();
    return ExitCode === 126 || ExitCode === 127 ? 'no-such-program' : (ExitCode ?? 1);
  } catch (error) {
    const status = statusOf(error);
    if (status === 409 || status === 404) return 'not-running';
    // Engines differ in how they say that a program does not exist.
    if (status !== undefined && /executable file not found|no such file/i.test(engineSays(error))) return 'no-such-program';
    throw asSilent(error);
  }
}

/** Reads to the end of the program; one that neither ends nor listens to its own limit is left behind. */
function drained(stream: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => {
      (stream as PassThrough).destroy();
      resolve();
    }, ANSWER_SECONDS * 2_000);
    const done = (error?: Error) => {
      clearTimeout(limit);
      if (error) reject(error);
      else resolve();
    };
    stream.on('end', () => done()).on('close', () => done()).on('error', done).resume();
  });
}
