import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import { armFailpoints, FailpointError } from '../../platform/failpoints/failpoints.ts';
import { MemoryBlobs } from '../../testing/memory-blobs.ts';
import { LogSettings } from './log-settings.ts';
import { leasedAttempt, LogBench } from './testing/log-bench.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());
afterEach(() => armFailpoints(undefined, undefined));

describe('append again what a process stored that died', () => {
  it.each(['append-log:after-commit', 'store-segment:after-put', 'store-segment:before-commit'])(
    'F06: makes the segment that is missing since %s, though not a byte is new',
    async (failpoint) => {
      const holder = await leasedAttempt(database);
      const blobs = new MemoryBlobs();
      const settings = new LogSettings({ segmentBytes: 80 });
      const bytes = Buffer.alloc(100, 'x');
      armFailpoints(`${failpoint}=throw`, 'test');
      await expect(new LogBench(database, settings, blobs).append.append(holder, 0, bytes)).rejects.toThrow(
        FailpointError,
      );
      armFailpoints(undefined, undefined);
      const next = new LogBench(database, settings, blobs);
      expect(await next.append.append(holder, 0, bytes)).toEqual({ length: 100 });
      const segments = await database.db
        .selectFrom('log_segments')
        .select(['start_offset', 'length'])
        .where('attempt_id', '=', holder.attemptId)
        .execute();
      expect(segments).toEqual([{ start_offset: 0, length: 100 }]);
      expect(await next.text(holder.attemptId)).toEqual(bytes);
    },
  );
});
