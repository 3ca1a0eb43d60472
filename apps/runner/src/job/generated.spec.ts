import { eventually } from '@sluice/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunnerBench } from '../testing/runner-bench.ts';
import { runnerBench } from '../testing/runner-bench.ts';

let bench: RunnerBench;
beforeEach(async () => {
  bench = await runnerBench();
});
afterEach(() => bench.stop());

const play = async (run: string, maxBytes = 1000) => {
  const secrets = [{ name: 'KEY', value: 'correct-horse-battery' }];
  const record = bench.server.give(bench.steps([run], { generate: { file: 'jobs.yaml', maxBytes } }, { secrets }));
  await bench.start();
  return eventually(() => record.results[0], { describe: 'the result', everyMs: 5 });
};

test('what the steps generated goes with the result', async () => {
  expect(await play('file jobs.yaml jobs: {}')).toMatchObject({ outcome: 'passed', generated: 'jobs: {}' });
});

test('a job that failed generates nothing', async () => {
  const result = await play('file jobs.yaml jobs: {}\nexit 3');
  expect(result).toMatchObject({ outcome: 'failed', exitCode: 3 });
  expect(result.generated).toBeUndefined();
});

describe('A44 A70: the job fails, and nothing of the file is sent', () => {
  test.each([
    ['no file', 'print none', 'generated-missing'],
    ['too large', `file jobs.yaml ${'x'.repeat(1001)}`, 'generated-too-large'],
    ['no text', 'file jobs.yaml a\u0001b', 'generated-not-text'],
    ['a secret', 'file jobs.yaml correct-horse-battery', 'generated-holds-secret'],
    ['a secret in another form', 'file jobs.yaml Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5', 'generated-holds-secret'],
  ])('%s', async (_, run, code) => {
    const result = await play(run);
    expect(result).toMatchObject({ outcome: 'failed', reason: { code } });
    expect(result.generated).toBeUndefined();
  });
});
