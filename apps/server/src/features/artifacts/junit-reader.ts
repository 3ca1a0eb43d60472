import { Worker } from 'node:worker_threads';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Problem } from '../../platform/http/problem.ts';
import type { ParsedReport } from './parse-junit.ts';

export interface JunitReaderLimits {
  /** For one file; the largest honest one takes a small part of it. */
  readonly milliseconds: number;
  readonly heapMib: number;
  /** Files that wait for their turn; each may hold some megabytes. */
  readonly waiting: number;
  /** A worker without work ends after this time, and gives its memory back. */
  readonly idleMs: number;
}

export interface ReadReport {
  readonly report: ParsedReport;
  /** On the thread, without the wait for its turn. */
  readonly tookMs: number;
}

const LIMITS: JunitReaderLimits = { milliseconds: 10_000, heapMib: 256, waiting: 32, idleMs: 10_000 };

/** The same file beside this one, as source or as built. */
const WORKER = new URL(import.meta.url.endsWith('.ts') ? './junit-worker.ts' : './junit-worker.js', import.meta.url);

/**
 * Reads reports on a thread of its own, one after the other: whatever XML a job sends, the server goes on answering.
 * A file that takes too long or too much memory ends the thread, not the server, and is refused with a sentence.
 */
@Injectable()
export class JunitReader implements OnModuleDestroy {
  #limits = LIMITS;
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  static limited(limits: Partial<JunitReaderLimits>): JunitReader {
    const reader = new JunitReader();
    reader.#limits = { ...LIMITS, ...limits };
    return reader;
  }

  /** Throws 503 `reports-busy` when too many files wait; the runner sends it again. */
  async read(xml: string): Promise<ReadReport> {
    if (this.#waiting >= this.#limits.waiting) {
      throw reportsBusy('Too many test reports wait to be read');
    }
    this.#waiting += 1;
    const mine = this.#last.then(() => this.#timed(xml)).finally(() => (this.#waiting -= 1));
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  async onModuleDestroy(): Promise<void> {
    await this.#end();
  }

  async #timed(xml: string): Promise<ReadReport> {
    const startedAt = performance.now();
    const report = await this.#parse(xml);
    return { report, tookMs: performance.now() - startedAt };
  }

  #parse(xml: string): Promise<ParsedReport> {
    clearTimeout(this.#idle);
    const worker = (this.#worker ??= this.#start());
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => void, ended: boolean) => {
        clearTimeout(timer);
        worker.off('message', onMessage).off('error', onError).off('exit', onExit);
        if (ended) void this.#end().then(outcome);
        else {
          this.#idle = setTimeout(() => void this.#end(), this.#limits.idleMs).unref();
          outcome();
        }
      };
      const refuse = (why: string) => resolve({ kind: 'refused', message: `The file was not read: ${why}.` });
      const { heapMib, milliseconds } = this.#limits;
      const onMessage = (report: ParsedReport) => settle(() => resolve(report), false);
      const onError = (error: NodeJS.ErrnoException) =>
        settle(() => {
          if (error.code === 'ERR_WORKER_OUT_OF_MEMORY')
            refuse(`reading it takes more than ${heapMib} MiB of memory; write fewer or smaller elements`);
          else reject(error);
        }, true);
      const onExit = () => settle(() => reject(new Error('The thread that reads test reports ended.')), true);
      const onLate = () =>
        settle(
          () => refuse(`reading it takes more than ${milliseconds / 1000} s; write fewer or smaller elements`),
          true,
        );
      const timer = setTimeout(onLate, milliseconds);
      worker.on('message', onMessage).on('error', onError).on('exit', onExit);
      worker.postMessage(xml);
    });
  }

  #start(): Worker {
    const worker = new Worker(WORKER, {
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.heapMib, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 },
      // Its own environment: the thread needs nothing of ours.
      env: {},
    });
    // What it reports after its file was given up is nobody's: without a listener it would be an error of the server.
    worker.on('error', () => undefined);
    worker.unref();
    return worker;
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}

export function reportsBusy(why: string): Problem {
  return new Problem(503, 'reports-busy', `${why}; send it again in a moment.`, { retryAfterSeconds: 2 });
}
