import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteAutomaton } from './byte-automaton.ts';
import { createMasker, DEFAULT_MASK } from './create-masker.ts';
import { MaskedStream } from './masked-stream.ts';
import type { Secret } from './secret-patterns.ts';
import { secretPatterns } from './secret-patterns.ts';

const MASK = Buffer.from(DEFAULT_MASK);

function mask(secrets: readonly Secret[], text: string | Uint8Array): string {
  const masker = createMasker(secrets);
  return Buffer.concat([masker.push(Buffer.from(text as string)), masker.end()]).toString();
}

/** What masking means, without streams and without an automaton. */
function maskWhole(patterns: readonly Uint8Array[], text: Buffer): Buffer {
  const matches: [number, number][] = [];
  for (const pattern of patterns) {
    for (let at = text.indexOf(pattern); at !== -1; at = text.indexOf(pattern, at + 1))
      matches.push([at, at + pattern.length]);
  }
  matches.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const covers: [number, number][] = [];
  for (const [start, end] of matches) {
    const last = covers.at(-1);
    if (last !== undefined && start < last[1]) last[1] = Math.max(last[1], end);
    else covers.push([start, end]);
  }
  const parts: Buffer[] = [];
  let at = 0;
  for (const [start, end] of covers) {
    parts.push(text.subarray(at, start), MASK);
    at = end;
  }
  return Buffer.concat([...parts, text.subarray(at)]);
}

function inChunks(text: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < text.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    chunks.push(text.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

const token = { name: 'TOKEN', value: 's3cr3t/va+lue&"q"' };

const LONG_KEY = `-----BEGIN KEY-----\n${'c2VjcmV0IGtleSBvZiBtYW55IGxpbmVz/+'.repeat(8)}\n-----END KEY-----\n`;

describe('createMasker', () => {
  it.each([64, 76])('A69: masks a long secret that comes as base64 in lines of %i', (columns) => {
    for (const value of [LONG_KEY, LONG_KEY.trim()]) {
      const wrapped = Buffer.from(value)
        .toString('base64')
        .replaceAll(new RegExp(`.{${columns}}`, 'g'), '$&\n');
      const left = mask([{ name: 'KEY', value: LONG_KEY }], `before\n${wrapped}\nafter\n`).replaceAll(DEFAULT_MASK, '');
      expect(left).toMatch(/^before\n\n[\s\S]*\nafter\n$/);
      // What is left of it are the last bits, which mix with whatever follows the secret.
      expect(left.replaceAll(/before|after|\s/g, '').length).toBeLessThan(8);
    }
  });

  it.each<[string, string]>([
    ['raw', token.value],
    ['URL-encoded', encodeURIComponent(token.value)],
    ['URL-encoded in lower case', encodeURIComponent(token.value).replace(/%../g, (escape) => escape.toLowerCase())],
    ['JSON-escaped', JSON.stringify(token.value).slice(1, -1)],
    ['JSON-escaped for HTML', JSON.stringify(token.value).slice(1, -1).replace('&', '\\u0026')],
    ['hex', Buffer.from(token.value).toString('hex')],
    ['HEX', Buffer.from(token.value).toString('hex').toUpperCase()],
  ])('A69 masks the secret %s', (_form, shown) => {
    expect(mask([token], `before ${shown} after`)).toBe(`before ${DEFAULT_MASK} after`);
  });

  it.each(['base64', 'base64url'] as const)(
    'A69 masks %s at each alignment, with foreign text on both sides',
    (encoding) => {
      for (const before of ['', 'u', 'us', 'usr', 'user']) {
        for (const after of ['', '\n', '!!', '!!!']) {
          const shown = Buffer.from(`${before}${token.value}${after}`).toString(encoding);
          const masked = mask([token], shown);
          expect(masked).toContain(DEFAULT_MASK);
          const left = masked.replace(DEFAULT_MASK, '').replace(/=+$/, '').length;
          // At most the digits that carry the neighbours' own bytes, and one mixed digit on each side, stay.
          expect(left).toBeLessThanOrEqual(Math.ceil((before.length * 8) / 6) + Math.ceil((after.length * 8) / 6) + 1);
        }
      }
    },
  );

  it('A69 masks each line of a multi-line secret', () => {
    const pem = '-----BEGIN KEY-----\nMIIBVgIBADANBgkqhkiG\r\nabc\n9w0BAQEFAASCAUAwggE8\n-----END KEY-----\n';
    expect(mask([{ name: 'PEM', value: pem }], pem)).toBe(`${DEFAULT_MASK}\n`);
    expect(mask([{ name: 'PEM', value: pem }], '  MIIBVgIBADANBgkqhkiG |')).toBe(`  ${DEFAULT_MASK} |`);
    expect(mask([{ name: 'PEM', value: pem }], '9w0BAQEFAASCAUAwggE8\r\n')).toBe(`${DEFAULT_MASK}\r\n`);
  });

  it('A69 says which secrets are too short, without their value, and masks the others', () => {
    const masker = createMasker([{ name: 'PIN', value: '12345' }, { name: 'EMPTY', value: '' }, token]);
    expect(masker.unmaskable.map((secret) => secret.name)).toEqual(['PIN', 'EMPTY']);
    expect(JSON.stringify(masker.unmaskable)).not.toContain('12345');
    expect(mask([{ name: 'PIN', value: '12345' }], 'pin 12345')).toBe('pin 12345');
    expect(mask([{ name: 'PIN', value: '123456' }], 'pin 123456')).toBe(`pin ${DEFAULT_MASK}`);
  });

  it('A69 documents its limit: a spaced or reversed secret passes', () => {
    const spaced = [...token.value].join(' ');
    expect(mask([token], spaced)).toBe(spaced);
  });

  it('gives a prompt out at once and holds only what begins a secret', () => {
    const masker = createMasker([token]);
    expect(Buffer.from(masker.push(Buffer.from('Password: '))).toString()).toBe('Password: ');
    expect(masker.heldBytes()).toBe(0);
    expect(Buffer.from(masker.push(Buffer.from('x s3cr'))).toString()).toBe('x ');
    expect(masker.heldBytes()).toBe(4);
    expect(Buffer.from(masker.push(Buffer.from('ets'))).toString()).toBe('s3cret');
    expect(masker.heldBytes()).toBe(1);
    expect(Buffer.from(masker.end()).toString()).toBe('s');
  });

  it('gives the mask out as soon as the secret is whole', () => {
    const masker = createMasker([{ name: 'A', value: 'abcdefgh' }]);
    expect(Buffer.from(masker.push(Buffer.from('abcdefgh'))).toString()).toBe(DEFAULT_MASK);
    expect(masker.end()).toHaveLength(0);
  });

  it('covers secrets that overlap with one mask and neighbours with one each', () => {
    const secrets = [
      { name: 'A', value: 'abcdefgh' },
      { name: 'B', value: 'efghijkl' },
    ];
    expect(mask(secrets, 'abcdefghijkl')).toBe(DEFAULT_MASK);
    expect(mask(secrets, 'abcdefghabcdefgh')).toBe(DEFAULT_MASK + DEFAULT_MASK);
    expect(mask([{ name: 'A', value: 'aaaaaa' }], 'a'.repeat(50))).toBe(DEFAULT_MASK);
  });

  it('takes another stream after its end, does not keep the chunk, and passes everything without secrets', () => {
    const masker = createMasker([token]);
    masker.push(Buffer.from('s3cr'));
    masker.end();
    expect(Buffer.from(masker.push(Buffer.from('3t/va'))).toString()).toBe('3t/va');
    const chunk = Buffer.from('plain');
    const given = createMasker([]).push(chunk);
    chunk.fill(0);
    expect(Buffer.from(given).toString()).toBe('plain');
  });

  it('I12 no form of a secret is left over any chunking; bytes elsewhere are exact (property)', () => {
    const value = fc.string({ unit: 'grapheme', minLength: 6, maxLength: 24 });
    const filler = fc.uint8Array({ maxLength: 12 });
    const check = fc.property(
      fc.array(value, { minLength: 1, maxLength: 3 }),
      fc.array(fc.tuple(filler, fc.nat(), fc.nat()), { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
      (values, pieces, sizes) => {
        const secrets = values.map((secret, index) => ({ name: `S${index}`, value: secret }));
        const { patterns } = secretPatterns(secrets);
        const longest = Math.max(1, ...patterns.map((pattern) => pattern.length));
        const text = Buffer.concat(
          pieces.flatMap(([bytes, which, cut]) => {
            const pattern = patterns[which % Math.max(1, patterns.length)] ?? new Uint8Array();
            // Whole, cut and doubled patterns: near misses are where holding back goes wrong.
            return [bytes, cut % 3 === 0 ? pattern.subarray(0, cut % (pattern.length + 1)) : pattern];
          }),
        );
        const masker = createMasker(secrets);
        const given: Uint8Array[] = [];
        for (const chunk of inChunks(text, sizes)) {
          given.push(masker.push(chunk));
          expect(masker.heldBytes()).toBeLessThan(longest);
        }
        const masked = Buffer.concat([...given, masker.end()]);
        expect(masked.equals(maskWhole(patterns, text))).toBe(true);
      },
    );
    fc.assert(check, { numRuns: 400, seed: 12 });
  });

  it('I12 agrees with the plain masker on two letters, where everything overlaps (property)', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 7 });
    const check = fc.property(
      fc.array(letters, { maxLength: 6 }),
      fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 80 }),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
      (words, text, sizes) => {
        const patterns = words.map((word) => new Uint8Array(Buffer.from(word)));
        const stream = new MaskedStream(new ByteAutomaton(patterns), MASK);
        let seen = '';
        for (const chunk of inChunks(Buffer.from(text), sizes)) {
          stream.push(chunk);
          seen += chunk.toString();
          const held = seen.slice(seen.length - stream.heldBytes);
          // What is held is the tail of something that begins a pattern, and shorter than it.
          expect(held === '' || words.some((word) => endsWithin(seen, word, held.length))).toBe(true);
        }
        stream.end();
        const again = inChunks(Buffer.from(text), sizes).map((chunk) => stream.push(chunk));
        expect(Buffer.concat([...again, stream.end()]).toString()).toBe(
          maskWhole(patterns, Buffer.from(text)).toString(),
        );
      },
    );
    fc.assert(check, { numRuns: 2000, seed: 69 });
  });

  it('A69 gives nearly matching text back exactly, byte by byte, and holds less than one pattern', () => {
    const patterns = [new Uint8Array(2000).fill(97), new Uint8Array([...new Uint8Array(1999).fill(97), 98])];
    const stream = new MaskedStream(new ByteAutomaton(patterns), MASK);
    const text = Buffer.from(`${'a'.repeat(1998)}c`.repeat(20));
    const given = inChunks(text, [1]).map((chunk) => {
      const settled = stream.push(chunk);
      expect(stream.heldBytes).toBeLessThan(2000);
      return settled;
    });
    expect(Buffer.concat([...given, stream.end()]).equals(text)).toBe(true);
  });
});

/** Whether some ending of `seen`, at least `length` long, is a real beginning of `word`. */
function endsWithin(seen: string, word: string, length: number): boolean {
  for (let size = Math.max(1, length); size < word.length; size++) if (seen.endsWith(word.slice(0, size))) return true;
  return false;
}
