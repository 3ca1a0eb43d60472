import { describe, expect, it } from 'vitest';
import { EventStreamParser } from './event-stream.ts';

describe('EventStreamParser', () => {
  it('joins events that arrive in pieces and keeps the last id', () => {
    const parser = new EventStreamParser();
    expect(parser.push('id: 7\nda')).toEqual([]);
    expect(parser.push('ta: {"type":"resync"}\n\n: beat\n\ndata: a\nda')).toEqual([
      { id: '7', data: '{"type":"resync"}' },
    ]);
    expect(parser.push('ta: b\n\n')).toEqual([{ id: '7', data: 'a\nb' }]);
  });

  it('takes a carriage return split from its newline as one line end', () => {
    const parser = new EventStreamParser();
    expect(parser.push('data: x\r')).toEqual([]);
    expect(parser.push('\n\r\n')).toEqual([{ id: undefined, data: 'x' }]);
  });

  it('ignores comments and unknown fields', () => {
    expect(new EventStreamParser().push(': hello\nevent: x\nretry: 10\n\n')).toEqual([]);
  });
});
