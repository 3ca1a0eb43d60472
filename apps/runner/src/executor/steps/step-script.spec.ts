import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@sluice/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FOLLOW_SCRIPT, STEP_SCRIPT } from './step-script.ts';

let folder: string;
let at: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-step-'));
  at = join(folder, 'step');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Said {
  readonly output: string;
  readonly exitCode: number | null;
}

function sh(script: string, args: readonly string[], path = process.env['PATH']): Promise<Said> {
  const child = spawn('/bin/sh', ['-c', script, 'sh', at, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: path },
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve) => child.once('close', (exitCode) => resolve({ output, exitCode })));
}
const step = (run: string, { blocks = 1000, path }: { blocks?: number; path?: string } = {}) =>
  sh(STEP_SCRIPT, [String(blocks), run], path);

test('both outputs come in the order they were written, with the exit code behind them, here and in the copy', async () => {
  const { output, exitCode } = await step('for i in 1 2 3; do echo out $i; echo err $i >&2; done; exit 7');
  expect(output).toBe(`out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n${at} ended 7\n`);
  expect(exitCode).toBe(7);
  expect(readFileSync(`${at}.out`, 'utf8')).toBe(output);
});

test('a step begins once, however many ask', async () => {
  const said = await Promise.all(Array.from({ length: 5 }, () => step(`echo ran >> ${folder}/ran`)));
  expect(readFileSync(`${folder}/ran`, 'utf8')).toBe('ran\n');
  expect(said.map(({ output }) => output).toSorted()).toEqual(
    [`${at} ended 0\n`, ...Array<string>(4).fill(`${at} taken\n`)].toSorted(),
  );
});

test('whoever follows a step gets all of it, from its first byte to its end', async () => {
  const running = step(`echo one; while [ ! -e ${folder}/go ]; do sleep 0.05; done; echo two; exit 4`);
  const early = sh(FOLLOW_SCRIPT, []);
  await eventually(() => existsSync(`${at}.out`) && readFileSync(`${at}.out`, 'utf8').includes('one'));
  mkdirSync(`${folder}/go`);
  const { output } = await running;
  expect(output).toBe(`one\ntwo\n${at} ended 4\n`);
  expect((await early).output).toBe(output);
  expect((await sh(FOLLOW_SCRIPT, [])).output).toBe(output);
});

test('the copy stops at its limit, and the output does not', async () => {
  const { output } = await step('yes | head -c 200000', { blocks: 2 });
  expect(output.length).toBe(200_000 + `${at} ended 0\n`.length);
  expect(statSync(`${at}.out`).size).toBe(2 * 512);
});

test('F61 the step may answer SIGTERM, and its last words and exit code still come', async () => {
  // As the runner does it: everything in the container gets the signal, the script included.
  const { output } = await step("trap 'echo tidy; exit 5' TERM; kill -s TERM $PPID; kill -s TERM $$; sleep 100");
  expect(output).toBe(`tidy\n${at} ended 5\n`);
});

test('without the tools the command runs plainly; nobody can follow it, and it does not run twice either', async () => {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync('/bin/sh', join(bin, 'sh'));
  expect(await step('echo plain; exit 6', { path: bin })).toEqual({ output: 'plain\n', exitCode: 6 });
  expect(await step('echo plain', { path: bin })).toEqual({ output: `${at} taken\n`, exitCode: 0 });
  expect(await sh(FOLLOW_SCRIPT, [])).toEqual({ output: '', exitCode: 3 });
});
