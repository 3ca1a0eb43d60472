import { afterEach, expect, it, vi } from 'vitest';
import { databaseNow } from '../db/database.ts';
import { testDatabase } from '../db/testing/test-database.ts';
import { DatabaseClock } from './database-clock.ts';

afterEach(() => void vi.restoreAllMocks());

/** Two clocks on one machine tick apart by as much when each is read in whole milliseconds. */
const TICK_MS = 2;

it.each([
  ['F25 jumps ten minutes ahead', 600],
  ['F26 is five seconds behind', -5],
])('%s: the clock of a machine moves nothing, the database says what time it is', async (_, seconds) => {
  await using database = await testDatabase();
  const right = Date.now.bind(Date);
  const clock = await DatabaseClock.start(database.db);
  try {
    vi.spyOn(Date, 'now').mockImplementation(() => right() + seconds * 1_000);
    for (let round = 0; round < 3; round += 1) {
      const askedAt = performance.now();
      const said = (await databaseNow(database.db)).getTime();
      const tookMs = performance.now() - askedAt;
      // It was asked at the beginning, so it may be off by that question and this one.
      expect(Math.abs(clock.now().getTime() - said)).toBeLessThan(Math.abs(seconds * 500) + tookMs + TICK_MS);
      await clock.look();
    }
  } finally {
    clock.stop();
  }
});

it('F35 goes on while the database does not answer', async () => {
  const database = await testDatabase();
  const clock = await DatabaseClock.start(database.db);
  const before = clock.now().getTime();
  await database.close();
  await expect(clock.look()).rejects.toThrow(/destroyed/);
  await expect.poll(() => clock.now().getTime()).toBeGreaterThan(before);
  clock.stop();
});
