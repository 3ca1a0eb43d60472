import { Signal, type Kernel, type Process, type Task } from '../kernel/kernel.ts';
import type { Random } from '../kernel/random.ts';
import { Refused, TIMED_OUT, type Replica } from '../product/replica.ts';

/** What a caller learns. `silent`: it may have happened or not. */
export type Answer<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'refused'; readonly code: string }
  /** A 5xx. */
  | { readonly kind: 'failed' }
  | { readonly kind: 'silent' };

export interface Link {
  /** Nobody waits for the answer any more. */
  gone(): boolean;
}

/** HTTP between the world outside and the replicas: delay, loss of the request or of the answer, doubles, partitions. */
export class Network {
  readonly #kernel: Kernel;
  readonly #random: Random;
  readonly #replicas: readonly Replica[];
  /** Percent of messages lost, and of requests doubled. */
  loss = 0;
  doubling = 0;
  delay: readonly [number, number] = [1, 30];
  /** `<caller>` = cut off from all, `<caller> <replica>` = from one. */
  readonly cut = new Set<string>();

  constructor(kernel: Kernel, random: Random, replicas: readonly Replica[]) {
    this.#kernel = kernel;
    this.#random = random;
    this.#replicas = replicas;
  }

  *call<T>(from: Process, timeoutMs: number, handle: (replica: Replica, link: Link) => Task<T>): Task<Answer<T>> {
    const replica = this.#random.pick(this.#replicas)!;
    const answered = new Signal<Answer<T>>();
    const { life } = from;
    let over = false;
    const link: Link = { gone: () => over || from.life !== life };
    const copies = this.#random.chance(this.doubling) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) this.#send(from, replica, handle, link, answered);
    const answer = yield { signal: answered as Signal<unknown>, ms: timeoutMs };
    over = true;
    return answer === TIMED_OUT ? { kind: 'silent' } : (answer as Answer<T>);
  }

  isCut(from: Process, replica: Replica): boolean {
    return this.cut.has(from.name) || this.cut.has(`${from.name} ${replica.process.name}`);
  }

  #send<T>(
    from: Process,
    replica: Replica,
    handle: (replica: Replica, link: Link) => Task<T>,
    link: Link,
    answered: Signal<Answer<T>>,
  ): void {
    if (this.isCut(from, replica) || this.#random.chance(this.loss)) return;
    this.#kernel.at(this.#kernel.now + this.#latency(), () => {
      if (!replica.process.alive) return;
      let value: T | undefined;
      function* work(): Task {
        value = yield* handle(replica, link);
      }
      this.#kernel.spawn(replica.process, work(), (error) => {
        if (this.isCut(from, replica) || this.#random.chance(this.loss)) return;
        const answer: Answer<T> = !error
          ? { kind: 'ok', value: value as T }
          : error instanceof Refused
            ? { kind: 'refused', code: error.code }
            : { kind: 'failed' };
        this.#kernel.at(this.#kernel.now + this.#latency(), () => answered.give(answer));
      });
    });
  }

  #latency(): number {
    return this.#random.between(this.delay[0], this.delay[1]);
  }
}
