import { describe, expect, it } from 'vitest';
import { parseCommit, parseTree } from './git-objects.ts';

const commit = (head: string, message: string, encoding: BufferEncoding = 'utf8') =>
  parseCommit(Buffer.from(`tree ${'1'.repeat(40)}\n${head}\n\n${message}`, encoding));
const AUTHOR = 'author Zoë Ö <zoe@example.com> 1700000000 +0200';

describe('parseCommit', () => {
  it('reads parents, author, time and the first paragraph of the message', () => {
    const parents = ['a'.repeat(40), 'b'.repeat(40)];
    expect(
      commit(`parent ${parents[0]}\nparent ${parents[1]}\n${AUTHOR}\ncommitter x <y> 1 +0000`, 'one\ntwo\n\nbody\n'),
    ).toEqual({
      parents,
      message: 'one two',
      author: 'Zoë Ö',
      authorEmail: 'zoe@example.com',
      at: '2023-11-14T22:13:20.000Z',
    });
  });

  it('takes nothing of a signature or a message for a head line', () => {
    const read = commit(
      `gpgsig -----BEGIN\n parent ${'a'.repeat(40)}\n author Eve <eve@example.com> 1 +0000\n${AUTHOR}`,
      'x\nparent y',
    );
    expect(read).toMatchObject({ parents: [], author: 'Zoë Ö', message: 'x parent y' });
  });

  it('reads the encoding that the commit names, and an unknown one as UTF-8', () => {
    expect(commit('author Zo\u00eb <z> 1 +0000\nencoding ISO-8859-1', 'gr\u00fc\u00df', 'latin1')).toMatchObject({
      author: 'Zoë',
      message: 'grüß',
    });
    expect(commit(`${AUTHOR}\nencoding x-none`, 'ü').message).toBe('ü');
  });

  it.each(['', 'author', 'author nobody', 'author N <n> tomorrow', `author N <n> ${'9'.repeat(30)} +0000`])(
    'A28: makes 1970 of a date that is none (%j)',
    (line) => {
      expect(commit(line, '')).toMatchObject({ at: '1970-01-01T00:00:00.000Z', message: '' });
    },
  );
});

describe('parseTree', () => {
  it.each([20, 32])('reads modes, names and ids of %i bytes', (bytes) => {
    const id = (fill: number) => Buffer.alloc(bytes, fill);
    const tree = Buffer.concat([
      Buffer.from('120000 a link\0'),
      id(0),
      Buffer.from('100644 sluice.yaml\0'),
      id(0x20),
      Buffer.from('40000 ü\0'),
      id(255),
    ]);
    expect(parseTree(tree, bytes)).toEqual([
      { mode: '120000', name: 'a link', id: '00'.repeat(bytes) },
      { mode: '100644', name: 'sluice.yaml', id: '20'.repeat(bytes) },
      { mode: '40000', name: 'ü', id: 'ff'.repeat(bytes) },
    ]);
    expect(() => parseTree(tree.subarray(0, -1), bytes)).toThrow('cut short');
  });
});
