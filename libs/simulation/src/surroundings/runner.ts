import { createMasker } from '@sluice/redact';
import type { LeaseHolder } from '@sluice/engine';
import { Process, type Kernel, type Task } from '../kernel/kernel.ts';
import type { Random } from '../kernel/random.ts';
import { RENEW_MS } from '../product/attempt-lease.ts';
import { BAD_FRAGMENT, FRAGMENT } from '../product/definitions.ts';
import { pollForLease, type HeldLease } from '../product/dispatch.ts';
import { acceptResult, appendLog, renewLease, startLease } from '../product/hold-lease.ts';
import type { Replica } from '../product/replica.ts';
import type { AttemptResult } from '../product/tables.ts';
import type { Answer, Network } from './network.ts';

/** What the job is, as the lease says; read where the lease is built. */
export interface Work {
  readonly image: string | null;
  readonly secret: string | null;
  /** Names of the values that it must write to pass. */
  readonly outputs: readonly string[];
  /** Its steps write further jobs. */
  readonly generates: boolean;
}

/** On the runner's disk: it survives a crash of the runner, not the loss of its host. */
interface Spooled {
  readonly lease: HeldLease;
  readonly work: Work;
  /** Everything the job wrote so far, masked. */
  log: string;
  /** Stored by the server, as far as the runner knows. */
  acked: number;
  result: AttemptResult | undefined;
}

export interface RunnerEvents {
  /** The server acknowledged these bytes or this result (I22). */
  logAcked(attemptId: string, epoch: number, text: string): void;
  resultAcked(attemptId: string, result: AttemptResult): void;
  leased(lease: HeldLease): void;
  began(attemptId: string, epoch: number): void;
  pushed(image: string, digest: string): void;
}

/** apps/runner: polls, starts, works, streams the log, spools the result, reports until it is answered. */
export class Runner {
  readonly process: Process;
  readonly id: string;
  readonly slots: number;
  readonly containers = new Set<string>();
  /** Last time it asked for work and got an answer. */
  lastAnswered = 0;
  #disk = new Map<string, Spooled>();
  readonly #kernel: Kernel;
  readonly #random: Random;
  readonly #network: Network;
  readonly #events: RunnerEvents;
  readonly #build: (replica: Replica, lease: HeldLease) => Work;
  #polls = 0;

  constructor(
    id: string,
    slots: number,
    kernel: Kernel,
    random: Random,
    network: Network,
    events: RunnerEvents,
    build: (replica: Replica, lease: HeldLease) => Work,
  ) {
    this.process = new Process(id);
    this.id = id;
    this.slots = slots;
    this.#kernel = kernel;
    this.#random = random;
    this.#network = network;
    this.#events = events;
    this.#build = build;
  }

  /** With an empty disk nobody knows of its containers but the engine: they are swept at the start. */
  start(diskLost: boolean): void {
    if (diskLost) this.#disk.clear();
    this.#kernel.revive(this.process);
    for (const id of this.containers) if (!this.#disk.has(id)) this.containers.delete(id);
    for (const spooled of this.#disk.values()) this.#spawn(this.#carryOn(spooled));
    for (let slot = 0; slot < this.slots; slot += 1) this.#spawn(this.#polling());
  }

  #spawn(task: Task): void {
    this.#kernel.spawn(this.process, task);
  }

  *#polling(): Task {
    let pause = 500;
    let pollId = this.#newPoll();
    for (;;) {
      if (this.#disk.size >= this.slots) {
        yield 1_000;
        continue;
      }
      const waitMs = 15_000;
      const answer: Answer<{ lease: HeldLease; work: Work } | null> = yield* this.#network.call(
        this.process,
        waitMs + 5_000,
        (replica, link) => this.#asked(replica, pollId, waitMs, link.gone),
      );
      if (answer.kind === 'ok') {
        this.lastAnswered = this.#kernel.now;
        pause = 500;
        pollId = this.#newPoll();
        if (answer.value) this.#take(answer.value.lease, answer.value.work);
      } else {
        // The same poll is asked again, so that a lease whose answer was lost is not lost with it (F05).
        yield this.#random.between(Math.floor(pause / 2), pause);
        pause = Math.min(pause * 2, 30_000);
      }
    }
  }

  #newPoll(): string {
    this.#polls += 1;
    return `poll ${this.id} ${this.process.life}.${this.#polls}`;
  }

  *#asked(
    replica: Replica,
    pollId: string,
    waitMs: number,
    gone: () => boolean,
  ): Task<{ lease: HeldLease; work: Work } | null> {
    const lease = yield* pollForLease(replica, this.id, pollId, waitMs, gone);
    return lease && { lease, work: this.#build(replica, lease) };
  }

  #take(lease: HeldLease, work: Work): void {
    const known = this.#disk.get(lease.attemptId);
    if (known && known.lease.epoch >= lease.epoch) return;
    this.#events.leased(lease);
    const spooled: Spooled = { lease, work, log: '', acked: 0, result: undefined };
    this.#disk.set(lease.attemptId, spooled);
    this.#spawn(this.#work(spooled));
  }

  *#work(spooled: Spooled): Task {
    const { lease } = spooled;
    const started = yield* this.#insist(
      (replica) => startLease(replica, lease.attemptId, lease),
      () => true,
    );
    if (started !== 'ok') return this.#forget(spooled);
    this.containers.add(lease.attemptId);
    this.#events.began(lease.attemptId, lease.epoch);
    yield* this.#carryOn(spooled);
  }

  /** Also after a restart: what runs is found again, and so is what has ended meanwhile. */
  *#carryOn(spooled: Spooled): Task {
    const { attemptId } = spooled.lease;
    let held = true;
    let cancel = false;
    const renewing = function* (this: Runner): Task {
      while (held) {
        const answer = yield* this.#network.call(this.process, 5_000, (replica) =>
          renewLease(replica, attemptId, spooled.lease),
        );
        if (answer.kind === 'refused') held = false;
        if (answer.kind === 'ok' && answer.value.cancel) cancel = true;
        if (spooled.result && !this.#disk.has(attemptId)) return;
        yield answer.kind === 'ok' ? RENEW_MS : 3_000;
      }
    }.bind(this);
    if (!spooled.result) {
      this.#spawn(renewing());
      const masker = createMasker(spooled.work.secret === null ? [] : [{ name: 'TOKEN', value: spooled.work.secret }]);
      const steps = this.#random.between(1, 4);
      for (let step = 0; step < steps && held && !cancel; step += 1) {
        yield this.#random.between(500, 12_000);
        spooled.log += this.#said(masker, spooled, step);
        yield* this.#sendLog(spooled);
      }
      if (!held) return this.#forget(spooled);
      spooled.result = this.#outcome(spooled, cancel);
    }
    this.containers.delete(attemptId);
    held = false;
    yield* this.#sendLog(spooled);
    const { result } = spooled;
    const reported = yield* this.#insist(
      (replica) => acceptResult(replica, attemptId, spooled.lease, result),
      () => true,
    );
    if (reported === 'ok') {
      this.#events.resultAcked(attemptId, result);
      yield* this.#sendLog(spooled);
    }
    this.#forget(spooled);
  }

  /** The secret comes out in two pieces, so that only a masker over chunk borders hides it. */
  #said(masker: ReturnType<typeof createMasker>, { lease, work }: Spooled, step: number): string {
    const { secret } = work;
    const text = `step ${step} of ${lease.attemptId} epoch ${lease.epoch} ${secret ?? ''}\n`;
    const bytes = new TextEncoder().encode(text);
    const middle = this.#random.between(0, bytes.length);
    const parts = [masker.push(bytes.subarray(0, middle)), masker.push(bytes.subarray(middle)), masker.end()];
    return parts.map((part) => new TextDecoder('latin1').decode(part)).join('');
  }

  #outcome({ lease, work, log }: Spooled, cancel: boolean): AttemptResult {
    if (cancel) return { outcome: 'cancelled', log };
    const luck = this.#random.between(1, 100);
    if (luck <= 5) return { outcome: 'failed', exitCode: 1, log };
    if (luck <= 9) return { outcome: 'errored', log };
    if (work.image === null) {
      const outputs = Object.fromEntries(work.outputs.map((name) => [name, lease.attemptId]));
      const generated = luck > 95 ? BAD_FRAGMENT : FRAGMENT;
      return {
        outcome: 'passed',
        exitCode: 0,
        ...(work.outputs.length > 0 && { outputs }),
        ...(work.generates && { generated }),
        log,
      };
    }
    const digest = `sha256:${lease.attemptId}.${lease.epoch}`;
    this.#events.pushed(work.image, digest);
    return { outcome: 'passed', exitCode: 0, image: { repository: work.image, digest }, log };
  }

  *#sendLog(spooled: Spooled): Task {
    const { attemptId, epoch } = spooled.lease;
    for (let tries = 0; spooled.acked < spooled.log.length && tries < 6; tries += 1) {
      const offset = spooled.acked;
      const text = spooled.log.slice(offset);
      const answer = yield* this.#network.call(this.process, 5_000, (replica) =>
        appendLog(replica, attemptId, spooled.lease, offset, text),
      );
      if (answer.kind === 'refused') return;
      if (answer.kind === 'ok') {
        spooled.acked = Math.max(spooled.acked, answer.value);
        this.#events.logAcked(attemptId, epoch, spooled.log.slice(0, spooled.acked));
      } else yield 500;
    }
  }

  /** Until it is answered: yes or no, never silence. */
  *#insist(call: (replica: Replica) => Task, wanted: () => boolean): Task<'ok' | 'refused'> {
    let pause = 500;
    while (wanted()) {
      const answer = yield* this.#network.call(this.process, 10_000, call);
      if (answer.kind === 'ok' || answer.kind === 'refused') return answer.kind;
      yield this.#random.between(Math.floor(pause / 2), pause);
      pause = Math.min(pause * 2, 30_000);
    }
    return 'refused';
  }

  #forget({ lease }: Spooled): void {
    if (this.#disk.get(lease.attemptId)?.lease.epoch !== lease.epoch) return;
    this.#disk.delete(lease.attemptId);
    this.containers.delete(lease.attemptId);
  }

  /** Leases that it believes to hold. */
  holders(): readonly (LeaseHolder & { attemptId: string })[] {
    return [...this.#disk.values()].map(({ lease }) => lease);
  }
}
