import { isIP } from 'node:net';
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import { endGroup } from './end-processes.ts';

export interface GitAccess {
  readonly transport: 'https' | 'ssh' | 'http';
  readonly origin: string;
  readonly credential: { readonly username: string; readonly password: string } | null;
  /** Addresses the host was found to have: git connects to these and asks no name server again (A23). */
  readonly pinned?: { readonly host: string; readonly port: number; readonly addresses: readonly string[] };
}

export interface GitCall {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface GitOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Environment of every git process: nothing of the machine's or the user's settings, no question asked, no hook, no helper
 * program, no redirect, no transport but the one that was checked. The credential travels here and never in an argument.
 */
export function gitEnvironment(home: string, access?: GitAccess): Record<string, string> {
  const settings: [string, string][] = [
    ['protocol.allow', 'never'],
    ['core.hooksPath', '/dev/null'],
    ['core.fsmonitor', 'false'],
    ['core.askPass', ''],
    ['credential.helper', ''],
    ['http.followRedirects', 'false'],
    ['http.lowSpeedLimit', '1000'],
    ['http.lowSpeedTime', '60'],
    ['submodule.recurse', 'false'],
    ['fetch.recurseSubmodules', 'false'],
    ['maintenance.auto', 'false'],
    ['gc.autoDetach', 'false'],
    ['tar.umask', '0022'],
  ];
  if (access !== undefined) {
    settings.push([`protocol.${access.transport}.allow`, 'always']);
    if (access.transport === 'ssh') settings.push(['core.sshCommand', sshCommand(home, access.pinned)]);
    else {
      const { credential, origin, pinned } = access;
      if (credential !== null) {
        const basic = Buffer.from(`${credential.username}:${credential.password}`).toString('base64');
        settings.push([`http.${origin}/.extraHeader`, `Authorization: Basic ${basic}`]);
      }
      if (pinned !== undefined && !isIP(pinned.host.replace(/^\[|\]$/g, ''))) {
        settings.push(['http.curloptResolve', `${pinned.host}:${pinned.port}:${pinned.addresses.join(',')}`]);
      }
    }
  }
  return {
    PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: home,
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: access?.transport ?? 'none',
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(
      settings.flatMap(([key, value], at) => [
        [`GIT_CONFIG_KEY_${at}`, key],
        [`GIT_CONFIG_VALUE_${at}`, value],
      ]),
    ),
  };
}

/** The operator puts `known_hosts` and, for a deploy key, `id` there; an unknown host key is refused. */
function sshCommand(home: string, pinned: GitAccess['pinned']): string {
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  const [address] = pinned?.addresses ?? [];
  const alias = pinned?.port === 22 ? pinned.host : `[${pinned?.host}]:${pinned?.port}`;
  // The host key is still looked up by the host's name, as the operator wrote it into known_hosts.
  const held =
    address === undefined ? '' : ` -o ${quoted(`HostName=${address}`)} -o ${quoted(`HostKeyAlias=${alias}`)}`;
  return `ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=${quoted(`${home}/ssh/known_hosts`)} -o IdentitiesOnly=yes -i ${quoted(`${home}/ssh/id`)}${held}`;
}

/**
 * Runs git to its end. The signal ends the whole process group: a transport helper would otherwise hold the pipes. None of it lives any
 * more when this rejects, so what it wrote to can be used again.
 */
export async function git(args: readonly string[], { cwd, env, signal }: GitCall): Promise<GitOutcome> {
  signal.throwIfAborted();
  const child = execa('git', args, {
    cwd,
    env,
    extendEnv: false,
    stdin: 'ignore',
    detached: true,
    reject: false,
    stripFinalNewline: true,
    maxBuffer: 8 * 1024 * 1024,
  });
  let ended: Promise<void> | undefined;
  const stop = () => {
    ended = endGroup(child.pid);
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    const { exitCode, stdout, stderr, failed, message } = await child;
    signal.throwIfAborted();
    if (exitCode === undefined)
      return { exitCode: 128, stdout: '', stderr: failed ? (message ?? 'git could not run') : '' };
    return { exitCode, stdout, stderr };
  } finally {
    signal.removeEventListener('abort', stop);
    await ended;
  }
}

/** The end of a stream whose git failed; `exitCode` is undefined when it was killed. */
export class GitStreamCut extends Error {
  override readonly name = 'GitStreamCut';
  readonly exitCode: number | undefined;

  constructor(message: string, exitCode: number | undefined) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Streams what git prints. When git fails the stream ends with `GitStreamCut`, so a half tree is never taken for a whole one. */
export function gitStream(args: readonly string[], { cwd, env, signal }: GitCall): Readable {
  const child = execa('git', args, {
    cwd,
    env,
    extendEnv: false,
    stdin: 'ignore',
    detached: true,
    reject: false,
    buffer: false,
  });
  const stop = () => void endGroup(child.pid);
  signal.addEventListener('abort', stop, { once: true });
  const stream = child.readable({ from: 'stdout' }) as unknown as Readable;
  void child.then(({ exitCode, message }) => {
    signal.removeEventListener('abort', stop);
    if (exitCode !== 0)
      stream.destroy(
        new GitStreamCut(`git ${args[0] ?? ''} did not finish: ${message ?? `exit code ${exitCode}`}`, exitCode),
      );
  });
  stream.once('close', stop);
  return stream;
}
