import { ByteAutomaton } from './byte-automaton.ts';
import { MaskedStream } from './masked-stream.ts';
import type { Secret, UnmaskableSecret } from './secret-patterns.ts';
import { secretPatterns } from './secret-patterns.ts';

export interface MaskerOptions {
  /** What stands in place of a secret; `•••` by default. */
  readonly mask?: string;
}

/** Masks one stream of bytes. Not for two streams at once: a secret split over both would be taken for one. */
export interface Masker {
  /** Takes the next bytes and gives those that are settled; what is given never changes afterwards. The chunk is not kept. */
  push(chunk: Uint8Array): Uint8Array;
  /** Gives what was held back. The masker is then as new and takes another stream. */
  end(): Uint8Array;
  /**
   * Bytes held back now: at most one less than the longest form of a secret, and only such as begin one. Ordinary text is
   * never held, so a prompt without a line break comes out at once.
   */
  heldBytes(): number;
  /** Secrets that are too short to be masked, for a warning. */
  readonly unmaskable: readonly UnmaskableSecret[];
}

export const DEFAULT_MASK = '•••';

/**
 * Replaces every form of every secret (see `secret-patterns.ts`) by the mask, over chunk borders, in linear time.
 * Bytes outside of secrets pass unchanged, whether or not they are text. Forms that overlap are covered as one and give
 * one mask, so no part of either shows; neighbours that only touch give one mask each.
 */
export function createMasker(secrets: readonly Secret[], options: MaskerOptions = {}): Masker {
  const { patterns, unmaskable } = secretPatterns(secrets);
  const mask = new TextEncoder().encode(options.mask ?? DEFAULT_MASK);
  const stream = new MaskedStream(new ByteAutomaton(patterns), mask);
  return {
    push: (chunk) => stream.push(chunk),
    end: () => stream.end(),
    heldBytes: () => stream.heldBytes,
    unmaskable,
  };
}
