import { afterEach, expect, it, vi } from 'vitest';
import { DatabaseClock } from '../../platform/clock/database-clock.ts';
import { testDatabase } from '../../platform/db/testing/test-database.ts';
import { BlobLinks } from './blob-links.ts';

afterEach(() => void vi.restoreAllMocks());

const about = { does: 'get', key: 'k', length: 1, sha256: '0'.repeat(64), attemptId: 'a', epoch: 1 } as const;

it.each([
  [90, -90],
  [-90, 90],
])(
  'F72 a link written by a server whose clock is %s s off, and read by one whose clock is %s s off, lasts as long as it says',
  async (writers, readers) => {
    await using database = await testDatabase();
    const right = Date.now.bind(Date);
    const clocks: DatabaseClock[] = [];
    const server = async (off: number) => {
      vi.spyOn(Date, 'now').mockImplementation(() => right() + off * 1_000);
      const clock = await DatabaseClock.start(database.db);
      clocks.push(clock);
      return new BlobLinks(Buffer.alloc(32, 7), clock);
    };
    try {
      const [writer, reader] = [await server(writers), await server(readers)];
      // Also while the machines' clocks stay as wrong as they are.
      expect(reader.read(writer.write(about, 30), 'get')).toMatchObject(about);
      // The two clocks agree far better than this.
      expect(() => reader.read(writer.write(about, -5), 'get')).toThrow('This link is over; ask for a new one.');
    } finally {
      for (const clock of clocks) clock.stop();
    }
  },
);

it('a link of another installation, of another kind, or changed on the way is refused', () => {
  const clock = { now: () => new Date(0) };
  const links = new BlobLinks(Buffer.alloc(32, 1), clock);
  const link = links.write(about, 60);
  expect(() => new BlobLinks(Buffer.alloc(32, 2), clock).read(link, 'get')).toThrow('not one of this server');
  expect(() => links.read(link, 'put')).toThrow('for reading only');
  expect(() => links.read(`x${link}`, 'get')).toThrow('not one of this server');
});
