import type { Readable } from 'node:stream';

/** One message of the engine's long calls: pull, build, push. */
export interface Progress {
  readonly stream?: string;
  readonly status?: string;
  readonly id?: string;
  readonly error?: string;
  readonly errorDetail?: { readonly code?: number; readonly message?: string };
  /** Text of base64 in what BuildKit tells. */
  readonly aux?: string | { readonly ID?: string; readonly Tag?: string; readonly Digest?: string };
}

/** Reads the engine's stream of JSON messages, in whatever pieces it comes. */
export async function* readProgress(stream: NodeJS.ReadableStream | Readable): AsyncGenerator<Progress> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as Progress;
  }
  if (rest.trim() !== '') yield JSON.parse(rest) as Progress;
}
