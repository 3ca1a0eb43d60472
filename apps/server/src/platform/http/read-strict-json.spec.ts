import { describe, expect, it } from 'vitest';
import { readStrictJson } from './read-strict-json.ts';

const read = (text: string) => readStrictJson(Buffer.from(text));

describe('readStrictJson', () => {
  it.each([
    '{}',
    '[]',
    ' {"a": [1, {"b": "x\\"{[y"}], "c": null}\n',
    '"a:b"',
    '{"a":{"x":1},"b":{"x":1}}',
    '[{"x":1},{"x":2}]',
    '{"a":"a","b":"a"}',
  ])('reads %s', (text) => {
    expect(read(text)).toEqual({ ok: true, value: JSON.parse(text) });
  });

  it('A09: refuses a depth of 10,000 before anything is built', () => {
    expect(read(`${'['.repeat(10_000)}${']'.repeat(10_000)}`)).toEqual({
      ok: false,
      problem: expect.stringContaining('nested deeper than 64'),
    });
    expect(read(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`)).toMatchObject({ ok: false });
    expect(read(`${'['.repeat(64)}${']'.repeat(64)}`)).toMatchObject({ ok: true });
  });

  it.each(['{"__proto__":{"x":1}}', '{"a":{"\\u005f_proto__":{"x":1}}}', '{"__proto__" : null}'])(
    'A09: refuses the key __proto__ in %s',
    (text) => {
      expect(read(text)).toEqual({ ok: false, problem: expect.stringContaining('__proto__') });
      expect(({} as { x?: unknown }).x).toBeUndefined();
    },
  );

  it('A09: a key constructor is plain data', () => {
    expect(read('{"constructor":{"prototype":{"x":1}}}')).toMatchObject({ ok: true });
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  it.each(['{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '{"o":{"k":[],"k":[]}}'])(
    'A09: refuses the same key twice in %s',
    (text) => {
      expect(read(text)).toEqual({
        ok: false,
        problem: expect.stringMatching(/^The body holds the key "(a|k)" twice in one object; send it once\.$/),
      });
    },
  );

  it.each(['{', '{"a":NaN}', '{"a":1}x', "{'a':1}", '{"a":"', '{"a":1,}', '"\\x"', '{"\\x":1}', ']', '\u0000'])(
    'A09: refuses %j',
    (text) => {
      expect(read(text)).toEqual({ ok: false, problem: expect.stringMatching(/^The body is not JSON/) });
    },
  );

  it('A09: refuses keys without number', () => {
    const many = (count: number) => `{${Array.from({ length: count }, (_, at) => `"k${at}":1`).join()}}`;
    expect(read(many(50_000))).toMatchObject({ ok: true });
    expect(read(many(50_001))).toEqual({ ok: false, problem: 'The body holds more than 50000 keys.' });
  });

  it('A09: refuses nothing at all', () => {
    expect(read('')).toEqual({ ok: false, problem: expect.stringContaining('empty') });
  });

  it('A09: names a key of any kind without repeating all of it', () => {
    const key = `${'k'.repeat(5_000)}`;
    const { problem } = read(`{"${key}":1,"${key}":2}`) as { problem: string };
    expect(problem.length).toBeLessThan(150);
    expect(read('{"a\\n<b>":1,"a\\n<b>":1}')).toMatchObject({ problem: expect.stringContaining('"a\\n<b>"') });
  });

  it('reads texts with backslashes before their end', () => {
    for (const value of ['\\', '\\"', '"', 'a\\\\"b', '\\\\', '":{"a":1,"a":2}'])
      expect(read(JSON.stringify({ k: value, l: 1 }))).toEqual({ ok: true, value: { k: value, l: 1 } });
  });

  it('A09: refuses a byte order mark and bytes that are not UTF-8', () => {
    expect(readStrictJson(Buffer.from('\ufeff{}'))).toEqual({
      ok: false,
      problem: expect.stringContaining('byte order mark'),
    });
    expect(readStrictJson(Buffer.from([0x22, 0xff, 0x22]))).toEqual({ ok: false, problem: 'The body is not UTF-8.' });
    expect(readStrictJson(Buffer.from('{}', 'utf16le'))).toMatchObject({ ok: false });
  });
});
