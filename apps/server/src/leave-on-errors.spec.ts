import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const PROGRAM = fileURLToPath(new URL('testing/end-by-error.ts', import.meta.url));

it.each([
  ['exception', 'an exception nobody caught: out of a timer\n'],
  ['rejection', 'a rejection nobody handled: out of a timer\n'],
])('F71 an unhandled %s is told, and the process leaves with 1 instead of living on', async (kind, told) => {
  const ended = promisify(execFile)(process.execPath, [PROGRAM, kind], { timeout: 20_000 });
  await expect(ended).rejects.toMatchObject({ code: 1, stdout: told });
});
