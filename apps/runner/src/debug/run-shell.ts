import { setTimeout as pause } from 'node:timers/promises';
import { SHELL_OUTPUT_MOST } from '@sluice/protocol';
import type { ShellOrder } from '@sluice/protocol';
import type { Secret } from '@sluice/redact';
import type { Sandbox, Shell } from '../executor/executor.port.ts';
import type { BackOff } from '../server/back-off.ts';
import { untilAnswered } from '../server/back-off.ts';
import type { LeaseKey, RunnerApi } from '../server/runner-api.ts';
import { maskedOutput } from './masked-output.ts';

/** Pause before a piece that was not taken is sent again. */
const HELD_UP_MS = 250;
/** Output is sent no faster than this, whoever reads it. */
const BYTES_PER_MS = 1024;
/** What a terminal has not taken by then is dropped, as terminals do. */
const MOST_TYPED = 100;

export interface ShellParts {
  readonly api: RunnerApi;
  readonly lease: LeaseKey;
  readonly sandbox: Sandbox;
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: readonly Secret[];
  readonly backOff: BackOff;
  /** The container is kept no longer. */
  readonly over: AbortSignal;
}

type Open = Extract<ShellOrder['order'], { kind: 'open' }>;

/** One shell from its opening to its end: what is typed goes in, what it says goes to the server. */
export class RunningShell {
  readonly #id: string;
  readonly #parts: ShellParts;
  readonly #opened: Promise<Shell | undefined>;
  #typed: Promise<unknown>;
  #waiting = 0;
  #offset = 0;

  constructor(id: string, { columns, rows }: Open, parts: ShellParts) {
    this.#id = id;
    this.#parts = parts;
    const opening = parts.sandbox.shell({ id, env: parts.env, columns, rows });
    this.#opened = opening.catch(() => undefined);
    this.#typed = this.#opened;
    // Without a server that listens there is nobody to tell.
    this.#run(opening).catch(() => undefined);
  }

  carryOut(order: Exclude<ShellOrder['order'], Open>): void {
    if (order.kind === 'close') return void this.end();
    if (this.#waiting >= MOST_TYPED) return;
    this.#waiting++;
    this.#typed = this.#typed
      .then(async () => {
        const shell = await this.#opened;
        await (order.kind === 'write' ? shell?.write(order.text) : shell?.resize(order.columns, order.rows));
      })
      .catch(() => undefined)
      .finally(() => this.#waiting--);
  }

  async end(): Promise<void> {
    await (await this.#opened)?.end();
  }

  async #run(opening: Promise<Shell>): Promise<void> {
    let why = 'The shell ended.';
    try {
      const shell = await opening;
      for await (const said of maskedOutput(shell.output, this.#parts.secrets)) await this.#say(said);
    } catch (error) {
      if (this.#parts.over.aborted) return;
      why = error instanceof Error ? error.message : String(error);
    }
    await this.#send(new Uint8Array(), why);
  }

  async #say(said: Uint8Array): Promise<void> {
    for (let at = 0; at < said.length; at += SHELL_OUTPUT_MOST) {
      const piece = said.subarray(at, at + SHELL_OUTPUT_MOST);
      await this.#send(piece);
      this.#offset += piece.length;
      await this.#wait(piece.length / BYTES_PER_MS);
    }
  }

  /** Until it is taken: a shell whose output nobody reads waits here. */
  async #send(bytes: Uint8Array, closed?: string): Promise<void> {
    const { api, lease, backOff, over } = this.#parts;
    const said = { shellId: this.#id, offset: this.#offset, bytes, ...(closed === undefined ? {} : { closed }) };
    while (!(await untilAnswered(() => api.shellOutput(lease, said, over), backOff, over)))
      await this.#wait(HELD_UP_MS);
  }

  async #wait(milliseconds: number): Promise<void> {
    if (milliseconds >= 1) await pause(milliseconds, undefined, { signal: this.#parts.over });
  }
}
