import { describe, expect, it } from 'vitest';
import { STAGE_ORDER, type JobState, type RunState, type Status } from '@sluice/engine';
import { describeCheck, describeCheckNotAffected } from './describe-check.ts';

const PLACE = { service: 'catalog', origin: 'https://sluice.example.com' };
const BY = { kind: 'system', name: 'spec' } as const;

type Bits = Partial<Omit<RunState, 'jobs' | 'stages'>> & {
  jobs?: Record<string, Partial<JobState>>;
  stages?: Partial<Record<(typeof STAGE_ORDER)[number], Partial<RunState['stages']['commit']>>>;
};

function run({ jobs = {}, stages = {}, ...more }: Bits): RunState {
  const all = Object.fromEntries(
    STAGE_ORDER.map((stage) => [stage, { status: 'skipped' as Status, ...stages[stage] }]),
  );
  const planned = Object.keys(jobs).map((key) => ({ key }));
  const state = { number: 7, runId: 'run-7', status: 'queued', createdAt: '2026-01-01T00:00:00.000Z', lanes: [] };
  return { ...state, plan: { jobs: planned }, jobs, stages: all, ...more } as unknown as RunState;
}

describe('a run as a check', () => {
  it.each<[string, Bits, object]>([
    ['queued', { status: 'queued' }, { status: 'queued', title: 'Run #7 is queued' }],
    ['running', { status: 'running' }, { status: 'in_progress', title: 'Run #7 is running' }],
    ['at a gate', { status: 'waiting' }, { status: 'in_progress', title: 'Run #7 waits for its release to go on' }],
    ['passed', { status: 'passed' }, { status: 'completed', conclusion: 'success', title: 'Run #7 passed' }],
    ['skipped', { status: 'skipped' }, { status: 'completed', conclusion: 'skipped' }],
    ['failed', { status: 'failed' }, { status: 'completed', conclusion: 'failure', title: 'Run #7 failed' }],
    ['our trouble', { status: 'errored' }, { status: 'completed', conclusion: 'failure', title: 'Run #7 errored' }],
    ['called off', { status: 'cancelled' }, { status: 'completed', conclusion: 'cancelled' }],
    ['overtaken', { status: 'superseded' }, { status: 'completed', conclusion: 'cancelled' }],
    [
      'held',
      { status: 'waiting', held: { code: 'fork', message: 'It comes from a fork.' } },
      {
        status: 'completed',
        conclusion: 'action_required',
        summary: expect.stringContaining('`It comes from a fork.`'),
      },
    ],
    [
      'let go',
      { status: 'queued', held: { code: 'fork', message: 'x' }, admitted: { by: BY, at: '2026-01-01T00:00:00.000Z' } },
      { status: 'queued' },
    ],
    [
      'out of time',
      { status: 'failed', jobs: { 'commit/a': { status: 'failed', reason: { code: 'timeout', message: 'x' } } } },
      { conclusion: 'timed_out', title: 'Run #7 ran out of time' },
    ],
    [
      'a stage out of time',
      { status: 'failed', stages: { commit: { status: 'failed', overdueAt: '2026-01-01T00:00:00.000Z' } } },
      { conclusion: 'timed_out' },
    ],
    [
      'out of time and failed',
      {
        status: 'failed',
        jobs: {
          'commit/a': { status: 'failed', reason: { code: 'timeout', message: 'x' } },
          'commit/b': { status: 'failed', reason: { code: 'exit-code', message: 'x' } },
        },
      },
      { conclusion: 'failure' },
    ],
  ])('is %s', (_, bits, shown) => {
    const described = describeCheck(run(bits), PLACE);
    expect(described).toMatchObject({
      name: 'sluice/catalog',
      externalId: 'run-7',
      url: 'https://sluice.example.com/services/catalog/runs/7',
      ...shown,
    });
    expect(described.conclusion === undefined).toBe(described.status !== 'completed');
  });

  it('says which stages there are, which jobs did not pass and where the release is', () => {
    const { summary } = describeCheck(
      run({
        status: 'failed',
        reason: { code: 'stage-not-passed', message: 'The test stage did not pass.' },
        stages: { commit: { status: 'passed' }, test: { status: 'failed' }, release: { status: 'queued' } },
        jobs: {
          'commit/unit': { status: 'passed' },
          'test/acceptance': {
            status: 'failed',
            reason: { code: 'exit-code', message: 'Step "a" ended with exit code 1.' },
          },
          'test/lint': { status: 'errored', allowed: true },
        },
        lanes: [{ environment: 'staging', status: 'queued' }],
      }),
      PLACE,
    );
    expect(summary).toBe(
      [
        '`The test stage did not pass.`',
        '',
        '- **commit** passed',
        '- **test** failed',
        '- **release** queued',
        '',
        '**Jobs that did not pass**',
        '',
        '- `test/acceptance` failed: `Step "a" ended with exit code 1.`',
        '- `test/lint` errored, which is allowed',
        '',
        '**Environments**',
        '',
        '- `staging` queued',
      ].join('\n'),
    );
  });

  it('A66: what others wrote stays text: no markup, no link, nobody is called', () => {
    const nasty = '`</code><img src=x onerror=alert(1)> @everyone\n\n# title\u202e [x](https://evil.example) ``#1';
    const jobs = { 'commit/a': { status: 'failed', reason: { code: 'exit-code', message: nasty } } } as const;
    const { summary } = describeCheck(run({ status: 'failed', jobs, reason: { code: 'x', message: nasty } }), PLACE);
    const outside = summary.replace(/`[^`\n]*`/g, '');
    expect(outside).not.toMatch(/[<>@#`[\]]|evil|\u202e/);
    expect(summary.split('\n').filter((line) => line.includes('@everyone'))).toHaveLength(2);
    expect(describeCheckNotAffected(nasty, 's1', PLACE).summary.replace(/`[^`\n]*`/g, '')).toBe(
      'This change starts no run: ',
    );
  });

  it('names so many jobs and no more, and of a long text its beginning', () => {
    const bad = { status: 'failed', reason: { code: 'exit-code', message: 'x'.repeat(9_000) } } as const;
    const jobs = Object.fromEntries(Array.from({ length: 100 }, (_, number) => [`commit/j${number}`, bad]));
    const { summary } = describeCheck(run({ status: 'failed', jobs }), PLACE);
    expect(summary).toMatch(/- and 70 more$/);
    expect(summary.length).toBeLessThan(15_000);
  });
});
