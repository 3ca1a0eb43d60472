import { setTimeout as pause } from 'node:timers/promises';
import { createMasker } from '@sluice/redact';
import type { Secret } from '@sluice/redact';

/**
 * What a shell says, with secrets masked. Bytes that may begin one are held back only until the shell has been quiet for a moment: a prompt
 * that ends like the beginning of a secret must appear. So a secret that is said letter by letter with pauses is not masked.
 */
export async function* maskedOutput(
  output: AsyncIterable<Uint8Array>,
  secrets: readonly Secret[],
  idleMs = 150,
): AsyncGenerator<Uint8Array> {
  const masker = createMasker(secrets);
  const source = output[Symbol.asyncIterator]();
  let next = source.next();
  // A failure counts where it is awaited.
  next.catch(() => undefined);
  for (;;) {
    const said = masker.heldBytes() === 0 ? await next : await orIdle(next, idleMs);
    if (said === 'idle') {
      yield masker.end();
      continue;
    }
    if (said.done === true) break;
    const settled = masker.push(said.value);
    next = source.next();
    next.catch(() => undefined);
    if (settled.length > 0) yield settled;
  }
  const rest = masker.end();
  if (rest.length > 0) yield rest;
}

async function orIdle<T>(next: Promise<T>, idleMs: number): Promise<T | 'idle'> {
  const heard = new AbortController();
  const quiet = pause(idleMs, 'idle' as const, { signal: heard.signal });
  quiet.catch(() => undefined);
  try {
    return await Promise.race([next, quiet]);
  } finally {
    heard.abort();
  }
}
