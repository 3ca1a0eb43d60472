import { manifestDigest } from '@sluice/testing';
import type { ExpectedRun } from './expected-run.ts';
import type { RunDetail, Scene } from './scene.ts';

/** What a run is otherwise than expected, one sentence each. */
export async function runDifferences(scene: Scene, run: RunDetail, expected: ExpectedRun): Promise<string[]> {
  const found: string[] = [];
  const same = (what: string, is: unknown, should: unknown) => {
    if (should !== undefined && JSON.stringify(is) !== JSON.stringify(should))
      found.push(`${what} is ${JSON.stringify(is)}, expected ${JSON.stringify(should)}`);
  };
  const contains = (what: string, is: string | null | undefined, part: string | undefined) => {
    if (part !== undefined && !(is ?? '').includes(part))
      found.push(`${what} is ${JSON.stringify(is)}, which does not say ${JSON.stringify(part)}`);
  };
  same('status', run.status, expected.status);
  same('reason', run.reason?.code ?? null, expected.reason);
  contains('reason', run.reason?.message, expected.says);
  same('trigger', run.trigger.kind, expected.trigger);
  same('trust', run.trust, expected.trust);
  same('what the run waits for', run.waiting?.code ?? null, expected.waiting);
  if (expected.commit !== undefined) same('commit', run.commit, scene.push(expected.commit).commit);
  for (const [stage, status] of Object.entries(expected.stages ?? {}))
    same(`stage ${stage}`, run.stages.find((cell) => cell.stage === stage)?.status, status);
  for (const [environment, status] of Object.entries(expected.lanes ?? {}))
    same(`lane ${environment}`, run.lanes.find((lane) => lane.environment === environment)?.status, status);
  for (const [key, wanted] of Object.entries(expected.jobs ?? {})) {
    const job = run.jobs.find((candidate) => candidate.key === key);
    if (job === undefined) {
      found.push(`there is no job ${key}, but ${run.jobs.map((other) => other.key).join(', ') || 'none'}`);
      continue;
    }
    const should = typeof wanted === 'string' ? { status: wanted } : wanted;
    same(`job ${key}`, job.status, should.status);
    same(`reason of ${key}`, job.reason?.code ?? null, should.reason);
    same(`exit code of ${key}`, job.attempts.at(-1)?.exitCode ?? null, should.exitCode);
    same(
      `attempts of ${key}`,
      job.attempts.map(({ status }) => status),
      should.attempts,
    );
    same(`what ${key} waits for`, job.waiting?.code ?? null, should.waiting);
  }
  same(
    'tests',
    run.tests && { passed: run.tests.passed, failed: run.tests.failed, skipped: run.tests.skipped },
    expected.tests,
  );
  if (expected.findings !== undefined) {
    same(
      'findings',
      run.findings.map(({ line, rule }) => ({ line, rule })),
      expected.findings.map(({ line, rule }) => ({ line, rule })),
    );
    for (const [index, { says }] of expected.findings.entries())
      contains(`finding ${index + 1}`, run.findings[index]?.message, says);
  }
  if (expected.image === 'none') same('image', run.image, null);
  if (expected.image === 'pushed') found.push(...(await imageDifferences(scene, run)));
  return found;
}

async function imageDifferences({ world }: Scene, run: RunDetail): Promise<string[]> {
  if (run.image === null) return ['no image is recorded on the run'];
  const path = run.image.repository.slice(run.image.repository.indexOf('/') + 1);
  const inRegistry = await manifestDigest(world.parts.registry.url, path, run.commit);
  return inRegistry === run.image.digest
    ? []
    : [`the registry names ${inRegistry} for ${run.commit}, the run recorded ${run.image.digest}`];
}
