import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { GitCall } from './git-command.ts';

export interface GitObject {
  readonly id: string;
  readonly type: string;
  /** In bytes. */
  readonly size: number;
  /** Undefined when it is larger than asked for. */
  readonly content: Buffer | undefined;
}

export interface ReaderTimes {
  /** How long the process stays without a question. Default 5,000. */
  readonly idleMs?: number;
  /** A process that is silent for so long is ended. Default 30,000. */
  readonly answerMs?: number;
}

interface Question {
  readonly name: string;
  readonly most: number;
  readonly resolve: (object: GitObject | null) => void;
  readonly reject: (error: Error) => void;
}

const LINE_BREAK = 10;
const LONGEST_HEAD = 8 * 1024;

/**
 * Reads objects of one repository through one `git cat-file --batch`: starting a process is dearer than all that a push is asked about.
 * It starts with the first question and ends when none comes for a while; objects and refs that arrive meanwhile are seen.
 */
export class GitObjectReader {
  readonly #call: Pick<GitCall, 'cwd' | 'env'>;
  readonly #times: Required<ReaderTimes>;
  #child: ChildProcessWithoutNullStreams | undefined;
  #asked: Question[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** What is being received: the head line, or an object's bytes and the line break after them. */
  #head = Buffer.alloc(0);
  #body: { object: GitObject; left: number; parts: Buffer[] | undefined } | undefined;

  constructor(call: Pick<GitCall, 'cwd' | 'env'>, { idleMs = 5_000, answerMs = 30_000 }: ReaderTimes = {}) {
    this.#call = call;
    this.#times = { idleMs, answerMs };
  }

  /** `name` as git reads it: an id, `<id>:path`, `refs/heads/main^{commit}`. null = there is none. Rejects when git cannot answer. */
  async read(name: string, most: number): Promise<GitObject | null> {
    if (name === '' || /[\0\r\n]/.test(name)) return null;
    return new Promise((resolve, reject) => {
      this.#asked.push({ name, most, resolve, reject });
      const child = (this.#child ??= this.#start());
      this.#await(this.#times.answerMs, () => child.kill('SIGKILL'));
      child.stdin.write(`${name}\n`);
    });
  }

  #start(): ChildProcessWithoutNullStreams {
    const { cwd, env } = this.#call;
    const child = spawn('git', ['cat-file', '--batch'], { cwd, env: { ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.on('error', () => undefined); // `close` says that it is gone.
    child.stderr.resume();
    child.stdout.on('data', (chunk: Buffer) => this.#child === child && this.#receive(chunk));
    const end = (why: string) => this.#child === child && this.#ended(new Error(why));
    child.once('error', (error) => end(`git could not run: ${error.message}`));
    child.once('close', (code) => end(`git cat-file ended with ${code}`));
    // Nobody's process waits for this one.
    child.unref();
    return child;
  }

  #ended(error: Error): void {
    const asked = this.#asked;
    this.#child = undefined;
    this.#asked = [];
    this.#head = Buffer.alloc(0);
    this.#body = undefined;
    clearTimeout(this.#timer);
    for (const { reject } of asked) reject(error);
  }

  #receive(chunk: Buffer): void {
    for (let rest = chunk; rest.length > 0;) rest = this.#body ? this.#receiveBody(rest) : this.#receiveHead(rest);
    const child = this.#child;
    if (this.#asked.length > 0) this.#await(this.#times.answerMs, () => child?.kill('SIGKILL'));
    else this.#await(this.#times.idleMs, () => this.#leave());
  }

  #receiveHead(chunk: Buffer): Buffer {
    const end = chunk.indexOf(LINE_BREAK);
    this.#head = Buffer.concat([this.#head, end < 0 ? chunk : chunk.subarray(0, end)]);
    if (this.#head.length > LONGEST_HEAD) this.#child?.kill('SIGKILL');
    if (end < 0) return Buffer.alloc(0);
    const line = this.#head.toString();
    this.#head = Buffer.alloc(0);
    const [, id = '', type = '', size = ''] = /^([0-9a-f]{40,64}) (\w+) (\d+)$/.exec(line) ?? [];
    // `<name> missing` or `<name> ambiguous`.
    if (id === '') this.#asked.shift()?.resolve(null);
    else {
      const isWanted = Number(size) <= (this.#asked[0]?.most ?? 0);
      this.#body = {
        object: { id, type, size: Number(size), content: undefined },
        left: Number(size) + 1,
        parts: isWanted ? [] : undefined,
      };
    }
    return chunk.subarray(end + 1);
  }

  #receiveBody(chunk: Buffer): Buffer {
    const body = this.#body!;
    const part = chunk.subarray(0, body.left);
    body.left -= part.length;
    body.parts?.push(part);
    if (body.left === 0) {
      this.#body = undefined;
      const content = body.parts && Buffer.concat(body.parts).subarray(0, -1);
      this.#asked.shift()?.resolve({ ...body.object, content });
    }
    return chunk.subarray(part.length);
  }

  /** Without questions left: the next one starts a process of its own. */
  #leave(): void {
    this.#child?.stdin.end();
    this.#child = undefined;
  }

  #await(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
    this.#timer.unref();
  }
}
