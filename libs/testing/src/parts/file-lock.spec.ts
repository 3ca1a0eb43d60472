import { expect, it } from 'vitest';
import { takeFileLock, withFileLock } from './file-lock.ts';

it('lets one at a time do the work', async () => {
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside -= 1;
  };
  await Promise.all(Array.from({ length: 5 }, () => withFileLock('spec-one', work)));
  expect(most).toBe(1);
});

it('lets go when the work throws', async () => {
  await expect(withFileLock('spec-throw', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await withFileLock('spec-throw', () => Promise.resolve('again'))).toBe('again');
});

it('shares among users and tells an exclusive taker that it is in use', async () => {
  const first = await takeFileLock('spec-shared', { mode: 'shared' });
  const second = await takeFileLock('spec-shared', { mode: 'shared' });
  expect(await takeFileLock('spec-shared', { wait: false })).toBeUndefined();
  await first?.();
  expect(await takeFileLock('spec-shared', { wait: false })).toBeUndefined();
  await second?.();
  const alone = await takeFileLock('spec-shared', { wait: false });
  expect(alone).toBeTypeOf('function');
  await alone?.();
});
