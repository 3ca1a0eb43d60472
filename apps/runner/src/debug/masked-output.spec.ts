import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskedOutput } from './masked-output.ts';

const SECRETS = [{ name: 'KEY', value: 'correct-horse' }];

async function whole(parts: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return Buffer.concat(all).toString();
}

describe('maskedOutput', () => {
  it('A69 I12: masks a secret over every division into chunks (property)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), async (sizes) => {
        const text = Buffer.from('key: correct-horse, twice: correct-horse; corr');
        async function* chunks() {
          for (let at = 0, turn = 0; at < text.length; turn++) {
            const size = sizes[turn % sizes.length] ?? 1;
            yield text.subarray(at, at + size);
            at += size;
          }
        }
        expect(await whole(maskedOutput(chunks(), SECRETS, 60_000))).toBe('key: •••, twice: •••; corr');
      }),
      { numRuns: 100, seed: 69 },
    );
  });

  it('shows a prompt that begins like a secret once the shell is quiet', async () => {
    const output = new PassThrough();
    const said = maskedOutput(output, SECRETS, 10);
    output.write('$ corr');
    expect(Buffer.from((await said.next()).value ?? []).toString()).toBe('$ ');
    expect(Buffer.from((await said.next()).value ?? []).toString()).toBe('corr');
    output.end('ect-horse is no secret then; correct-horse is');
    expect(await whole(said)).toBe('ect-horse is no secret then; ••• is');
  });

  it('passes a failure of the shell on', async () => {
    const output = new PassThrough();
    const said = maskedOutput(output, SECRETS, 10);
    output.write('c');
    output.destroy(new Error('gone'));
    await expect(whole(said)).rejects.toThrow('gone');
  });
});
