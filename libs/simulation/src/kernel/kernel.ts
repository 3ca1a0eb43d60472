/**
 * Time and concurrency of one simulated world. Everything that takes time is a task: a generator that yields how long it
 * sleeps, or a signal it waits for. Tasks belong to processes, which can be killed or paused at any yield. One heap of
 * moments orders it all, so one seed gives one history.
 */

export const TIMED_OUT = Symbol('timed out');

/** What a task may wait for. */
export type Wait = number | { readonly signal: Signal<unknown>; readonly ms: number } | Signal<unknown>;
export type Task<T = void> = Generator<Wait, T, unknown>;

/** Given once; those who wait, and those who come later, get the value. */
export class Signal<T = void> {
  readonly waiting: (() => void)[] = [];
  value: T | undefined;
  isGiven = false;

  give(value: T): void {
    if (this.isGiven) return;
    this.isGiven = true;
    this.value = value;
    for (const wake of this.waiting.splice(0)) wake();
  }
}

interface Strand {
  readonly process: Process;
  readonly life: number;
  readonly body: Task<unknown>;
  readonly done: (error: Error | undefined) => void;
  /** Only the newest entry of a strand wakes it. */
  turn: number;
  ended: boolean;
}

/** A server replica, a runner, a person's browser: what crashes as one. */
export class Process {
  readonly name: string;
  readonly strands = new Set<Strand>();
  readonly held: (() => void)[] = [];
  alive = true;
  paused = false;
  life = 0;
  constructor(name: string) {
    this.name = name;
  }
}

interface Moment {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

export class Kernel {
  now = 0;
  readonly #heap: Moment[] = [];
  #order = 0;
  #stuck = 0;
  readonly #onError: (error: Error, process: Process) => void;

  constructor(onError: (error: Error, process: Process) => void) {
    this.#onError = onError;
  }

  at(ms: number, act: () => void): void {
    push(this.#heap, { at: ms, order: ++this.#order, act });
  }

  /** Starts a task; `done` hears of its end unless its process dies before. */
  spawn(process: Process, body: Task<unknown>, done: (error: Error | undefined) => void = () => undefined): void {
    if (!process.alive) return;
    const strand: Strand = { process, life: process.life, body, done, turn: 0, ended: false };
    process.strands.add(strand);
    this.#later(strand, 0, undefined);
  }

  /** SIGKILL: what the tasks held is let go of by their `finally` blocks, as a closed connection would. */
  kill(process: Process): void {
    if (!process.alive) return;
    process.alive = false;
    process.paused = false;
    process.life += 1;
    process.held.length = 0;
    const strands = [...process.strands];
    process.strands.clear();
    for (const strand of strands) {
      strand.ended = true;
      strand.body.return(undefined);
    }
  }

  revive(process: Process): void {
    process.alive = true;
  }

  pause(process: Process): void {
    if (process.alive) process.paused = true;
  }

  resume(process: Process): void {
    process.paused = false;
    for (const wake of process.held.splice(0)) this.at(this.now, wake);
  }

  /** Lets the world run until this moment. */
  runUntil(ms: number): void {
    for (let first = this.#heap[0]; first && first.at <= ms; first = this.#heap[0]) {
      pop(this.#heap);
      this.#stuck = first.at > this.now ? 0 : this.#stuck + 1;
      if (this.#stuck > 200_000) throw new Error(`the simulated world runs in a circle at ${first.at} ms`);
      this.now = first.at;
      first.act();
    }
    this.now = Math.max(this.now, ms);
  }

  #later(strand: Strand, ms: number, value: unknown): void {
    const turn = ++strand.turn;
    const wake = () => {
      if (strand.ended || strand.turn !== turn || strand.life !== strand.process.life) return;
      if (strand.process.paused) strand.process.held.push(wake);
      else this.#step(strand, value);
    };
    this.at(this.now + ms, wake);
  }

  #step(strand: Strand, value: unknown): void {
    let result: IteratorResult<Wait, unknown>;
    try {
      result = strand.body.next(value);
    } catch (error) {
      this.#end(strand, error as Error);
      return;
    }
    if (strand.ended) return;
    if (result.done) this.#end(strand, undefined);
    else this.#wait(strand, result.value);
  }

  #wait(strand: Strand, wait: Wait): void {
    if (typeof wait === 'number') return this.#later(strand, wait, undefined);
    const [signal, ms] = wait instanceof Signal ? [wait, undefined] : [wait.signal, wait.ms];
    if (signal.isGiven) return this.#later(strand, 0, signal.value);
    if (ms !== undefined) this.#later(strand, ms, TIMED_OUT);
    else strand.turn += 1;
    const { turn } = strand;
    signal.waiting.push(() => {
      if (!strand.ended && strand.turn === turn) this.#later(strand, 0, signal.value);
    });
  }

  #end(strand: Strand, error: Error | undefined): void {
    strand.ended = true;
    strand.process.strands.delete(strand);
    if (error) this.#onError(error, strand.process);
    strand.done(error);
  }
}

function isBefore(a: Moment, b: Moment): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Moment[], moment: Moment): void {
  let index = heap.push(moment) - 1;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!isBefore(moment, heap[parent]!)) break;
    heap[index] = heap[parent]!;
    index = parent;
  }
  heap[index] = moment;
}

function pop(heap: Moment[]): void {
  const last = heap.pop();
  if (heap.length === 0 || !last) return;
  let index = 0;
  for (;;) {
    let child = index * 2 + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
    if (!isBefore(heap[child]!, last)) break;
    heap[index] = heap[child]!;
    index = child;
  }
  heap[index] = last;
}
