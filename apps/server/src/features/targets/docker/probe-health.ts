import { PassThrough } from 'node:stream';
import type Docker from 'dockerode';
import { TargetSilentError } from '../target.port.ts';
import { asSilent, engineSays, statusOf } from './engine-error.ts';

export interface HealthQuestion {
  readonly port: number;
  readonly path: string;
  /** Where the container may be reached from this process, best first (`http://127.0.0.1:8101`); empty for an engine elsewhere. */
  readonly origins: readonly string[];
  readonly signal: AbortSignal;
}

export interface HealthAnswer {
  readonly ok: boolean;
  /** Part of a sentence: `GET /healthz answered 503`. */
  readonly text: string;
}

const ANSWER_SECONDS = 4;

/**
 * Asks for the health path: straight from here where an answer comes back, else from inside the container with the first
 * of these programs that its image has. The address is an argument of its own, never part of a script.
 */
export async function probeHealth(container: Docker.Container, question: HealthQuestion): Promise<HealthAnswer> {
  for (const origin of question.origins) {
    const answer = await askDirectly(origin, question);
    if (answer !== null) return answer;
  }
  return askInside(container, question);
}

/** Null when nothing answers: a server that runs in a container itself does not see the ports and networks of its host. */
async function askDirectly(origin: string, { path, signal }: HealthQuestion): Promise<HealthAnswer | null> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_SECONDS * 1000)]);
    const answer = await fetch(`${origin}${path}`, { signal: limit, redirect: 'manual' });
    await answer.body?.cancel();
    return { ok: answer.ok, text: `GET ${path} answered ${answer.status}` };
  } catch (error) {
    if (signal.aborted) throw new TargetSilentError('the probe was stopped', { cause: error });
    const code = (error as { cause?: { code?: unknown } }).cause?.code;
    // The engine's forwarder takes connections before the container does, and then drops them.
    return code === 'ECONNRESET' || code === 'UND_ERR_SOCKET'
      ? { ok: false, text: `GET ${path} gave no answer yet` }
      : null;
  }
}

const PROGRAMS: readonly ((url: string) => string[])[] = [
  (url) => ['wget', '-q', '-T', String(ANSWER_SECONDS), '-O', '/dev/null', url],
  (url) => ['curl', '-fsS', '-m', String(ANSWER_SECONDS), '-o', '/dev/null', url],
  (url) => [
    'node',
    '-e',
    `fetch(process.argv[1],{signal:AbortSignal.timeout(${ANSWER_SECONDS}000)}).then((a)=>process.exit(a.ok?0:1),()=>process.exit(1))`,
    url,
  ],
  (url) => [
    'python3',
    '-c',
    `import sys,urllib.request;urllib.request.urlopen(sys.argv[1],timeout=${ANSWER_SECONDS})`,
    url,
  ],
];

async function askInside(container: Docker.Container, { port, path }: HealthQuestion): Promise<HealthAnswer> {
  const url = `http://127.0.0.1:${port}${path}`;
  for (const program of PROGRAMS) {
    const exit = await run(container, program(url));
    if (exit === 'no-such-program') continue;
    if (exit === 'not-running') return { ok: false, text: 'the container does not run' };
    return {
      ok: exit === 0,
      text: exit === 0 ? `GET ${path} answered` : `GET ${path} inside the container gave no good answer`,
    };
  }
  return {
    ok: false,
    text: `GET ${path} could not be asked: the image has none of wget, curl, node and python3; map a host port or declare a HEALTHCHECK`,
  };
}

async function run(container: Docker.Container, Cmd: string[]): Promise<number | 'no-such-program' | 'not-running'> {
  try {
    const exec = await container.exec({ Cmd, AttachStdout: true, AttachStderr: true });
    const stream = await exec.start({ hijack: true, stdin: false });
    await drained(stream);
    const { ExitCode } = await exec.inspect();
    // 126 and 127: it is not there. Above: it died, as static programs do that may not look up names.
    return ExitCode !== null && ExitCode >= 126 ? 'no-such-program' : (ExitCode ?? 1);
  } catch (error) {
    const status = statusOf(error);
    if (status === 409 || status === 404) return 'not-running';
    // Engines differ in how they say that a program does not exist.
    if (status !== undefined && /executable file not found|no such file/i.test(engineSays(error)))
      return 'no-such-program';
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
    stream
      .on('end', () => done())
      .on('close', () => done())
      .on('error', done)
      .resume();
  });
}
