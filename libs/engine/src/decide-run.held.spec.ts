import { describe, expect, test } from 'vitest';
import { decideRun } from './decide-run.ts';
import { evolveRun } from './evolve-run.ts';
import type { RunCommand, RunIdentity, RunState } from './run.ts';
import { steadyContext } from './testing/broken-invariant.ts';
import { ANNA, HELD, IMAGE, identityOf, planOf, type PlanSketch } from './testing/run-builder.ts';
import { waitingCause } from './waiting-cause.ts';

const PULL_REQUEST = { number: 17, title: 'Cents', source: 'cents', target: 'main', outside: true, account: '51' };

function heldRun(sketch: PlanSketch = { commit: { unit: {} } }, more: Partial<RunIdentity> = {}, held = true) {
  const ctx = steadyContext();
  let state: RunState | undefined;
  const decide = (command: RunCommand) => {
    ctx.tick();
    const decision = decideRun(state, command, ctx);
    if (decision.kind === 'accepted') state = decision.events.reduce<RunState | undefined>(evolveRun, state);
    return decision;
  };
  decide({
    type: 'create',
    identity: { ...identityOf('untrusted'), pullRequest: PULL_REQUEST, ...more },
    plan: planOf(sketch),
    ...(held && { held: HELD }),
  });
  return { decide, state: () => state! };
}

describe('a held run', () => {
  test('I07 I24: queues nothing and says why, since when, and what would end it', () => {
    const { state } = heldRun();
    expect(state().status).toBe('waiting');
    expect(state().jobs['commit/unit']?.attempts).toEqual([]);
    expect(waitingCause({ kind: 'held', state: state() })).toEqual({
      code: 'held',
      message: HELD.message,
      since: state().createdAt,
      endedBy: 'A developer of the team who has looked at commit cccccccccccc and lets it run.',
    });
  });

  test('A16: begins when a person has let exactly its commit go, once', () => {
    const { decide, state } = heldRun();
    expect(decide({ type: 'admit', by: ANNA, commit: 'd'.repeat(40) })).toMatchObject({ code: 'other-commit' });
    expect(state().status).toBe('waiting');
    expect(decide({ type: 'admit', by: ANNA, commit: 'c'.repeat(40) })).toMatchObject({
      kind: 'accepted',
      effects: [{ type: 'queue-attempt', jobKey: 'commit/unit' }],
    });
    expect(state()).toMatchObject({ status: 'queued', admitted: { by: ANNA } });
    expect(waitingCause({ kind: 'held', state: state() })).toBeUndefined();
    expect(decide({ type: 'admit', by: ANNA, commit: 'c'.repeat(40) }).kind).toBe('ignored');
  });

  test('F58: is not let go after it was cancelled', () => {
    const { decide, state } = heldRun();
    decide({ type: 'cancel', by: ANNA });
    expect(state().status).toBe('cancelled');
    expect(decide({ type: 'admit', by: ANNA, commit: 'c'.repeat(40) })).toMatchObject({ code: 'already-finished' });
  });

  test('a run that nobody holds is not let go', () => {
    const { decide } = heldRun(undefined, {}, false);
    expect(decide({ type: 'admit', by: ANNA, commit: 'c'.repeat(40) })).toMatchObject({ code: 'not-held' });
  });
});

test('A46: the run of a pull request makes no release, trusted or not', () => {
  const { decide, state } = heldRun(
    { build: {}, release: ['staging'] },
    { trust: 'trusted', pullRequest: { ...PULL_REQUEST, outside: false } },
    false,
  );
  const attemptId = state().jobs['build/image']!.attempts[0]!.id;
  decide({ type: 'attempt-started', jobKey: 'build/image', attemptId, runner: 'r' });
  const ended = decide({ type: 'attempt-ended', jobKey: 'build/image', attemptId, outcome: 'passed', image: IMAGE });
  expect(ended).toMatchObject({ kind: 'accepted', effects: [] });
  expect(state()).toMatchObject({
    status: 'passed',
    stages: { release: { status: 'skipped', reason: { code: 'pull-request' } } },
  });
});
