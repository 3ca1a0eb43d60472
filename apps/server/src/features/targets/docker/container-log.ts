import { createMasker } from '@sluice/redact';

const HEADER = 8;
const MAX_CHARACTERS = 2_000;

/** Takes the engine's frames (stream, length, bytes) apart and gives the text, masked, without control characters. */
export function readLog(frames: Buffer, secrets: readonly { readonly name: string; readonly value: string }[]): string {
  const parts: Buffer[] = [];
  for (let at = 0; at + HEADER <= frames.length;) {
    const length = frames.readUInt32BE(at + 4);
    parts.push(frames.subarray(at + HEADER, at + HEADER + length));
    at += HEADER + length;
  }
  const masker = createMasker(secrets);
  const masked = Buffer.concat([masker.push(Buffer.concat(parts)), masker.end()]).toString('utf8');
  // oxlint-disable-next-line no-control-regex -- a container may print anything, and a person will read it
  const plain = masked.replaceAll(/\u001b\[[0-9;]*[A-Za-z]|[\u0000-\u0008\u000b-\u001f\u007f]/g, '');
  return plain.trimEnd().slice(-MAX_CHARACTERS);
}
