import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { Clock } from '../../platform/clock/clock.port.ts';
import { Problem } from '../../platform/http/problem.ts';

const link = z.object({
  does: z.enum(['put', 'get']),
  key: z.string(),
  length: z.number(),
  sha256: z.string(),
  attemptId: z.string(),
  epoch: z.number(),
  /** Milliseconds since 1970. */
  until: z.number(),
});
export type BlobLink = z.infer<typeof link>;

/**
 * Addresses of our own for a store that has none. A link says what may be done with which bytes under which lease and until when, and is sealed
 * with a key that all replicas derive from the master key: nothing of it is kept anywhere.
 */
export class BlobLinks {
  readonly #key: Buffer;
  readonly #clock: Clock;
  constructor(masterKey: Buffer, clock: Clock) {
    this.#key = Buffer.from(hkdfSync('sha256', masterKey, '', 'sluice blob links', 32));
    this.#clock = clock;
  }

  /** One segment of a path. */
  write(about: Omit<BlobLink, 'until'>, seconds: number): string {
    const until = this.#clock.now().getTime() + seconds * 1000;
    const text = Buffer.from(JSON.stringify({ ...about, until })).toString('base64url');
    return `${text}.${this.#seal(text).toString('base64url')}`;
  }

  /** Throws 403 for what this installation has not written, or not for `does`, or too long ago. */
  read(segment: string, does: BlobLink['does']): BlobLink {
    const [text = '', seal = ''] = segment.split('.');
    const given = Buffer.from(seal, 'base64url');
    const right = this.#seal(text);
    if (given.length !== right.length || !timingSafeEqual(given, right)) throw refused('is not one of this server');
    const about = link.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
    if (about.does !== does) throw refused(`is for ${about.does === 'put' ? 'sending' : 'reading'} only`);
    if (about.until <= this.#clock.now().getTime()) throw refused('is over');
    return about;
  }

  #seal(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }
}

function refused(why: string): Problem {
  return new Problem(403, 'blob-link', `This link ${why}; ask for a new one.`);
}
