import { createHash, type Hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';

const KEPT = 1_000;

/** Running SHA-256 of logs whose every byte passed through this process, so that sealing need not read them again. */
@Injectable()
export class LogHashes {
  readonly #running = new Map<string, { length: number; hash: Hash }>();

  add(attemptId: string, start: number, bytes: Buffer): void {
    const known = this.#running.get(attemptId) ?? (start === 0 ? { length: 0, hash: createHash('sha256') } : undefined);
    if (known?.length !== start) {
      // Some bytes went through another process: only reading the log tells.
      this.#running.delete(attemptId);
      return;
    }
    known.hash.update(bytes);
    known.length += bytes.length;
    this.#running.delete(attemptId);
    this.#running.set(attemptId, known);
    if (this.#running.size > KEPT) this.#running.delete(this.#running.keys().next().value!);
  }

  /** Hex, or undefined when the log has to be read. */
  digest(attemptId: string, length: number): string | undefined {
    const known = this.#running.get(attemptId);
    return known?.length === length ? known.hash.copy().digest('hex') : undefined;
  }

  forget(attemptId: string): void {
    this.#running.delete(attemptId);
  }
}
