import { describe, expect, it } from 'vitest';
import { checkDefinition } from './check-definition.ts';

const check = (on: string) => checkDefinition(`service: web\non: ${on}\n`, 'sluice.yaml');
const shown = (on: string) =>
  check(on).findings.map(({ rule, path, line, column }) => `${rule} ${path} ${line}:${column}`);

describe('on.schedule and on.release', () => {
  it('are read with their defaults, and alone they start no run on pushes', () => {
    const { definition, findings } = check(
      `{ schedule: [{ cron: ' 0  6 * * 1-5 ' }, { cron: 0 3 * * *, timezone: Europe/Berlin, branch: release/1 }], release: [{ service: prices }, { service: users, environment: staging }] }`,
    );
    expect(findings).toEqual([]);
    expect(definition?.on).toEqual({
      push: null,
      pullRequest: null,
      paths: [],
      manual: false,
      inputs: {},
      schedule: [
        { cron: '0 6 * * 1-5', timezone: 'UTC' },
        { cron: '0 3 * * *', timezone: 'Europe/Berlin', branch: 'release/1' },
      ],
      release: [{ service: 'prices' }, { service: 'users', environment: 'staging' }],
    });
  });

  it('say nothing of lists that are empty', () => {
    expect(check('{ schedule: [], release: [] }').definition?.on).toEqual({
      push: { branches: ['main'] },
      pullRequest: null,
      paths: [],
      manual: false,
      inputs: {},
    });
  });

  it.each([
    ['{ schedule: [{ cron: every day }] }', 'bad-cron on.schedule[0].cron 2:26'],
    ['{ schedule: [{ cron: 0 6 * * *, timezone: Mars/Base }] }', 'bad-timezone on.schedule[0].timezone 2:47'],
    ['{ schedule: [{ cron: 0 6 * * *, branch: -x }] }', 'bad-value on.schedule[0].branch 2:45'],
    ['{ schedule: [{ cron: 0 6 * * *, branch: a..b }] }', 'bad-value on.schedule[0].branch 2:45'],
    ['{ schedule: [{}] }', 'missing-key on.schedule[0].cron 2:18'],
    ['{ schedule: [{ cron: 0 6 * * *, every: day }] }', 'unknown-key on.schedule[0].every 2:37'],
    ['{ schedule: [{ cron: 0 6 * * * }, { cron: 0 6 * * * }] }', 'duplicate-entry on.schedule[1] 2:39'],
    ['{ release: [{ service: A }] }', 'bad-name on.release[0].service 2:28'],
    ['{ release: [{ service: web }] }', 'release-loop on.release[0].service 2:28'],
    ['{ release: [{ service: a }, { service: a }] }', 'duplicate-entry on.release[1] 2:33'],
  ])('%s: %s', (on, finding) => {
    expect(shown(on)).toEqual([finding]);
  });
});
