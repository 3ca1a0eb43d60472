import { eventually } from '@sluice/testing';
import type { LeaseGrant } from '@sluice/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AttemptRecord } from '../testing/fake-server.ts';
import type { RunnerBench } from '../testing/runner-bench.ts';
import { runnerBench } from '../testing/runner-bench.ts';

let bench: RunnerBench;
beforeEach(async () => {
  bench = await runnerBench();
});
afterEach(() => bench.stop());

type Steps = Extract<LeaseGrant['work'], { kind: 'steps' }>['steps'];
const step = (run: string, more: Partial<Steps[number]> = {}): Steps[number] => ({ name: run, run, env: {}, ...more });
const ended = (record: AttemptRecord) => eventually(() => record.results[0], { describe: 'the result', everyMs: 5 });
const play = async (steps: Steps, more: object = {}, grantChange: Partial<LeaseGrant> = {}) => {
  const record = bench.server.give(bench.steps([], { steps, ...more }, grantChange));
  await bench.start();
  return { record, result: await ended(record) };
};
const statuses = (result: { steps: readonly { status: string }[] }) => result.steps.map(({ status }) => status);

const FACTS = {
  event: 'push',
  branch: 'main',
  tag: '',
  changed: { 'docs/**': false },
  inputs: {},
  matrix: { node: '24' },
  jobs: { commit: { verify: { status: 'passed', outputs: {} } }, build: {}, test: {} },
};

describe('steps under conditions', () => {
  test('a false condition skips the step and the job goes on', async () => {
    const { result } = await play(
      [
        step('print one', { if: 'branch == "main" && matrix.node == "24"' }),
        step('exit 1', { if: 'changed("docs/**")' }),
        step('print three', { if: 'commit.verify.status == "passed"' }),
      ],
      { facts: FACTS },
    );
    expect(result.outcome).toBe('passed');
    expect(statuses(result)).toEqual(['passed', 'skipped', 'passed']);
  });

  test('after a failure only `failure` and `always` run, and the first failure decides', async () => {
    const { record, result } = await play([
      step('exit 3'),
      step('print never'),
      step('print traces', { when: 'failure' }),
      step('exit 4', { when: 'always' }),
    ]);
    expect(result).toMatchObject({ outcome: 'failed', exitCode: 3, reason: { code: 'exit-code' } });
    expect(statuses(result)).toEqual(['failed', 'skipped', 'passed', 'failed']);
    expect(record.log.toString()).not.toContain('never');
    expect(record.log.toString()).toContain('traces');
  });

  test('without a failure, `failure` is skipped and `always` runs', async () => {
    const { result } = await play([
      step('print one'),
      step('exit 1', { when: 'failure' }),
      step('print x', { when: 'always' }),
    ]);
    expect(result.outcome).toBe('passed');
    expect(statuses(result)).toEqual(['passed', 'skipped', 'passed']);
  });

  test('what a command said stands when trouble of ours follows', async () => {
    const { result } = await play([step('exit 3'), step('engine-down', { when: 'always' })]);
    expect(result).toMatchObject({ outcome: 'failed', exitCode: 3 });
  });

  test('F61: after a cancel no further step runs, not even `always`', async () => {
    const record = bench.server.give(
      bench.steps([], { steps: [step('print begun\nhang'), step('print never', { when: 'always' })] }),
    );
    await bench.start();
    await eventually(() => record.log.includes('begun'), { everyMs: 5 });
    record.cancel = true;
    const result = await ended(record);
    expect(result.outcome).toBe('cancelled');
    expect(record.log.toString()).not.toContain('never');
  });

  test('a condition that cannot be decided is trouble of ours', async () => {
    const { result } = await play([step('print one', { if: 'commit.gone.status == "passed"' })], { facts: FACTS });
    expect(result).toMatchObject({
      outcome: 'errored',
      reason: { message: expect.stringContaining('could not be decided') },
    });
  });
});

describe('outputs', () => {
  test('are read after each step, the last line of a name counts, and the result carries them', async () => {
    const { result } = await play(
      [
        step('output url=one\noutput url=https://x/?a=b'),
        step('print seen', { if: 'outputs.url.startsWith("https") && outputs.size == ""' }),
        step('output size=3'),
      ],
      { outputs: ['url', 'size'], facts: FACTS },
    );
    expect(result).toMatchObject({ outcome: 'passed', outputs: { url: 'https://x/?a=b', size: '3' } });
    expect(statuses(result)).toEqual(['passed', 'passed', 'passed']);
  });

  test.each([
    [
      'output other=1',
      'output-unknown',
      'Line 1 of $SLUICE_OUTPUT names an output that the job does not declare; the job declares `url`.',
    ],
    ['output plain', 'output-unknown', 'Line 1 of $SLUICE_OUTPUT is not `name=value`; the job declares `url`.'],
    [`output url=${'x'.repeat(4097)}`, 'output-too-long', 'The output "url" has more than 4096 bytes.'],
    [
      `output url=${'x'.repeat(1024 * 1024)}`,
      'output-too-long',
      'The file $SLUICE_OUTPUT has more than 1048576 bytes.',
    ],
    ['output url=a\0b', 'output-not-text', 'The output "url" holds a NUL byte; write text, encoded where it is not.'],
    [
      'output url=a-hunter22-b',
      'output-holds-secret',
      'The output "url" holds a secret of the job; give the secret to the job that needs it instead.',
    ],
    [
      'output url=aHVudGVyMjI=',
      'output-holds-secret',
      'The output "url" holds a secret of the job; give the secret to the job that needs it instead.',
    ],
  ])('A70: %s fails the job as %s', async (run, code, message) => {
    const { result } = await play(
      [step(run), step('print never')],
      { outputs: ['url'] },
      {
        secrets: [{ name: 'KEY', value: 'hunter22' }],
      },
    );
    expect(result).toMatchObject({ outcome: 'failed', reason: { code, message } });
    expect(result.outputs).toBeUndefined();
    expect(statuses(result)).toEqual(['passed', 'skipped']);
  });

  test('a job that declares none reads none', async () => {
    const { result } = await play([step('output url=1')]);
    expect(result).toMatchObject({ outcome: 'passed' });
    expect(result.outputs).toBeUndefined();
  });
});
