import { describe, expect, test } from 'vitest';
import type { Contributor } from './lane.ts';
import {
  ADA,
  DEV,
  ONE_OF_US,
  OPEN_GATE,
  RAFI,
  RITA,
  TWO_OF_US,
  bindingOf,
  openedLane,
  releaseOf,
  settingsOf,
} from './testing/lane-builder.ts';
import type { PlayedLane } from './testing/lane-builder.ts';

function waiting(gate = TWO_OF_US): PlayedLane {
  const lane = openedLane(gate);
  lane.offer(7);
  return lane;
}

describe('approve', () => {
  test('I16 F56: the approval of the last person needed opens the gate, once', () => {
    const lane = waiting();
    expect(lane.send(lane.approval(7, RITA)).effects).toEqual([]);
    expect(lane.shape).toBe('d7 waiting');
    expect(lane.send(lane.approval(7, ADA)).effects).toMatchObject([
      { type: 'tell-run', status: 'running' },
      { type: 'start-deployment' },
    ]);
    expect(lane.state.open[0]?.approvals).toMatchObject([
      { userId: 'u-rita' },
      { userId: 'u-ada', at: '2026-01-01T00:00:04.000Z' },
    ]);
    expect(lane.refused(lane.approval(7, RAFI))).toBe('not-waiting: The gate is open already and the deployment runs.');
  });

  test('I16: the same person counts once, before and after the start', () => {
    const lane = waiting();
    lane.send(lane.approval(7, RITA));
    expect(lane.refused(lane.approval(7, RITA))).toBe('ignored');
    lane.send(lane.approval(7, RAFI));
    expect(lane.refused(lane.approval(7, RAFI))).toBe('ignored');
  });

  test.each([
    ['has another role by now', [{ ...RITA, roles: ['developer' as const] }]],
    ['is in the team no more, or disabled', []],
  ])('I16: an approval does not count when its person %s', (_why, earlier) => {
    const lane = waiting();
    lane.send(lane.approval(7, RITA));
    expect(lane.send({ ...lane.approval(7, ADA), earlier })).toMatchObject({
      events: [{ type: 'approvals-lapsed', deploymentId: 'd7', userIds: ['u-rita'] }, { type: 'approved' }],
      effects: [],
    });
    expect(lane.shape).toBe('d7 waiting');
    expect(lane.state.open[0]?.approvals).toMatchObject([{ userId: 'u-ada' }]);
    lane.send(lane.approval(7, RAFI));
    expect(lane.shape).toBe('d7 running');
  });

  test('I16: an approval does not count when a hand of its person in the change became known', () => {
    const lane = waiting();
    lane.send(lane.approval(7, RITA));
    const contributors = [{ part: 'pushed', identity: 'rita', userId: 'u-rita' }] as const;
    expect(lane.send(lane.approval(7, ADA, { contributors })).events[0]).toMatchObject({
      type: 'approvals-lapsed',
      userIds: ['u-rita'],
    });
    expect(lane.shape).toBe('d7 waiting');
  });

  test('I16: an approval behind a running deployment lapses with the right of its person', () => {
    const lane = waiting(ONE_OF_US);
    lane.send(lane.approval(7, RITA));
    lane.offer(8);
    lane.send(lane.approval(8, ADA));
    expect(lane.refused({ type: 'recheck-approvers', people: [ADA] })).toBe('ignored');
    lane.send({ type: 'recheck-approvers', people: [] });
    lane.ended(7);
    expect(lane.shape).toBe('d8 waiting');
    lane.send(lane.approval(8, RAFI));
    expect(lane.shape).toBe('d8 running');
  });

  test('I16: a person without a fitting role is told which one is needed', () => {
    const lane = waiting();
    expect(lane.refused(lane.approval(7, DEV))).toBe(
      'not-entitled: This gate needs the role release-manager or admin; Dev has developer in this team.',
    );
  });

  test.each([
    [['pushed'], 'Rita pushed part of this change; somebody else must approve it.'],
    [['triggered', 'authored'], 'Rita triggered and authored part of this change; somebody else must approve it.'],
  ] as const)('I16: who %s it may not approve it', (parts, why) => {
    const lane = waiting();
    const contributors = parts.map((part): Contributor => ({ part, identity: 'rita', userId: 'u-rita' }));
    expect(lane.refused(lane.approval(7, RITA, { contributors }))).toBe(`self-approval: ${why}`);
    lane.send(lane.approval(7, ADA, { contributors }));
  });

  describe('I16: a proven hand that is linked to nobody', () => {
    const EVE: Contributor = { part: 'pushed', identity: 'eve' };
    const hands = (...contributors: Contributor[]) => ({ contributors });

    test('may be the approver, so one more person must approve', () => {
      const lane = waiting(ONE_OF_US);
      lane.send(lane.approval(7, RITA, hands(EVE)));
      expect(lane.shape).toBe('d7 waiting');
      lane.send(lane.approval(7, ADA, hands(EVE)));
      expect(lane.shape).toBe('d7 running');
    });

    test('counts once in whatever capitals and parts, and each other one again', () => {
      const lane = waiting(ONE_OF_US);
      const facts = hands(EVE, { part: 'triggered', identity: 'EVE' }, { part: 'triggered', identity: 'mallory' });
      for (const person of [RITA, ADA]) lane.send(lane.approval(7, person, facts));
      expect(lane.shape).toBe('d7 waiting');
      lane.send(lane.approval(7, RAFI, facts));
      expect(lane.shape).toBe('d7 running');
    });

    test('is judged as usual once it is linked: an approval given again opens the gate, with its first note', () => {
      const lane = waiting(ONE_OF_US);
      lane.send({ ...lane.approval(7, RITA, hands(EVE)), note: 'Looked at it' });
      expect(lane.refused(lane.approval(7, RITA, hands(EVE)))).toBe('ignored');
      lane.send(lane.approval(7, RITA, hands({ ...EVE, userId: 'u-dev' })));
      expect(lane.shape).toBe('d7 running');
      expect(lane.state.open[0]?.approvals).toMatchObject([{ userId: 'u-rita', note: 'Looked at it' }]);
    });

    test('that turns out to be an approver takes the approval along', () => {
      const lane = waiting(ONE_OF_US);
      lane.send(lane.approval(7, RITA, hands(EVE)));
      const linked = hands({ ...EVE, userId: 'u-rita' });
      expect(lane.refused(lane.approval(7, RITA, linked))).toMatch(/^self-approval: /);
      lane.send(lane.approval(7, ADA, linked));
      expect(lane.shape).toBe('d7 running');
      expect(lane.state.open[0]?.approvals).toMatchObject([{ userId: 'u-ada' }]);
    });

    test('that became known later closes a gate again that waits behind a deployment', () => {
      const lane = waiting(ONE_OF_US);
      lane.send(lane.approval(7, RITA));
      lane.offer(8);
      lane.send(lane.approval(8, RITA));
      lane.send(lane.approval(8, RITA, hands(EVE)));
      lane.ended(7);
      expect(lane.shape).toBe('d8 waiting');
    });

    test('asks for nothing as an author, at an open gate, or where contributors may approve', () => {
      const authored = waiting(ONE_OF_US);
      authored.send(authored.approval(7, RITA, hands({ part: 'authored', identity: 'eve@elsewhere.example' })));
      expect(authored.shape).toBe('d7 running');
      const lenient = waiting({ ...ONE_OF_US, noSelfApproval: false });
      lenient.send(lenient.approval(7, RITA, hands(EVE)));
      expect(lenient.shape).toBe('d7 running');
      expect(waiting({ ...OPEN_GATE, noSelfApproval: true }).shape).toBe('d7 running');
    });
  });

  test('a gate without that rule lets contributors approve', () => {
    const lane = waiting({ ...ONE_OF_US, noSelfApproval: false });
    lane.send(lane.approval(7, RITA, { contributors: [{ part: 'pushed', identity: 'rita', userId: 'u-rita' }] }));
    expect(lane.shape).toBe('d7 running');
  });

  test('I17: an approval of something else than what waits is refused', () => {
    const lane = waiting();
    expect(lane.refused({ ...lane.approval(7, RITA), binding: 'yesterday' })).toMatch(/^release-changed: /);
  });

  test('I16: contributors computed against another live release are refused', () => {
    const lane = waiting();
    expect(lane.refused(lane.approval(7, RITA, { since: 'd6' }))).toMatch(/^facts-outdated: /);
  });

  test('F58: nothing is approved after it was superseded, withdrawn or never was', () => {
    const lane = waiting();
    lane.offer(8);
    expect(lane.refused(lane.approval(7, RITA))).toMatch(/^not-waiting: /);
    lane.send({ type: 'withdraw', releaseId: 'rel8', by: { kind: 'user', name: 'Anna' } });
    expect(lane.refused(lane.approval(8, RITA))).toMatch(/^not-waiting: /);
    expect(lane.refused(lane.approval(99, RITA))).toMatch(/^not-waiting: /);
  });

  test('I13: an approval behind a running deployment counts, and the start follows its end', () => {
    const lane = waiting(ONE_OF_US);
    lane.send(lane.approval(7, RITA));
    lane.offer(8);
    lane.send(lane.approval(8, RITA));
    expect(lane.shape).toBe('d7 running, d8 waiting');
    lane.ended(7);
    expect(lane.shape).toBe('d8 running');
  });
});

describe('reject', () => {
  const no = (lane: PlayedLane, by = RITA, reason = 'Traffic is high tonight') =>
    ({ type: 'reject', deploymentId: 'd7', by, binding: lane.approval(7, by).binding, reason }) as const;

  test('ends the deployment as failed, with who and why', () => {
    const lane = waiting();
    const { events, effects } = lane.send(no(lane));
    expect(events.map(({ type }) => type)).toEqual(['rejected', 'deployment-ended']);
    expect(effects).toMatchObject([
      { status: 'failed', reason: { code: 'rejected', message: 'Rejected by Rita: Traffic is high tonight' } },
    ]);
  });

  test('needs a reason, a fitting role and the release that was seen', () => {
    const lane = waiting();
    expect(lane.refused(no(lane, RITA, '  '))).toMatch(/^reason-required: /);
    expect(lane.refused(no(lane, DEV))).toMatch(/^not-entitled: /);
    expect(lane.refused({ ...no(lane), binding: 'yesterday' })).toMatch(/^release-changed: /);
  });

  test('F57: after an approval that opened the gate it comes too late, and the other way round', () => {
    const approved = waiting(ONE_OF_US);
    approved.send(approved.approval(7, RITA));
    expect(approved.refused(no(approved))).toMatch(/^not-waiting: /);
    const rejected = waiting(ONE_OF_US);
    rejected.send(no(rejected));
    expect(rejected.refused(rejected.approval(7, RITA))).toMatch(/^not-waiting: /);
  });
});

describe('change-settings', () => {
  const change = (gate = TWO_OF_US, more = '') => {
    const settings = settingsOf(gate, more);
    return { type: 'change-settings', settings, bindings: { d7: bindingOf(releaseOf(7), settings) } } as const;
  };

  test('I17: voids approvals, and those who approved must look again', () => {
    const lane = waiting();
    lane.send(lane.approval(7, RITA));
    const seen = lane.approval(7, ADA);
    lane.send(change(TWO_OF_US, ':other-target'));
    expect(lane.state.open[0]?.approvals).toEqual([]);
    expect(lane.refused(seen)).toMatch(/^release-changed: /);
    lane.send(lane.approval(7, ADA));
    expect(lane.shape).toBe('d7 waiting');
    lane.send(lane.approval(7, RITA));
    expect(lane.shape).toBe('d7 running');
  });

  test('the same settings again change nothing', () => {
    expect(waiting().refused(change())).toBe('ignored');
  });

  test('a gate that no longer asks for approvals lets the release start', () => {
    const lane = waiting();
    expect(lane.send(change(OPEN_GATE)).effects).toContainEqual({ type: 'start-deployment', deploymentId: 'd7' });
  });

  test('I15: what runs keeps what it was approved with', () => {
    const lane = waiting(ONE_OF_US);
    lane.send(lane.approval(7, RITA));
    const [before] = lane.state.open;
    lane.send(change(TWO_OF_US));
    expect(lane.state.open[0]).toEqual(before);
  });

  test('I17: a waiting deployment without a new binding is not let through', () => {
    expect(waiting().refused({ ...change(ONE_OF_US), bindings: {} })).toMatch(/^binding-missing: /);
  });
});
