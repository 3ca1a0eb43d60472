import type { DecideContext } from '../run.ts';
import type {
  Approver,
  ContributorFacts,
  GateRule,
  LaneCommand,
  LaneEffect,
  LaneEvent,
  LaneSettings,
  LaneState,
  OfferedRelease,
} from '../lane.ts';
import { decideLane } from '../decide-lane.ts';
import { evolveLane } from '../evolve-lane.ts';
import { steadyContext } from './broken-invariant.ts';
import { IMAGE } from './run-builder.ts';

export const RITA: Approver = { userId: 'u-rita', name: 'Rita', roles: ['release-manager'] };
export const RAFI: Approver = { userId: 'u-rafi', name: 'Rafi', roles: ['viewer', 'release-manager'] };
export const ADA: Approver = { userId: 'u-ada', name: 'Ada', roles: ['admin'] };
export const DEV: Approver = { userId: 'u-dev', name: 'Dev', roles: ['developer'] };
export const PEOPLE: readonly Approver[] = [RITA, RAFI, ADA, DEV];

export const OPEN_GATE: GateRule = { approvals: 0, roles: [], noSelfApproval: false };
export const ONE_OF_US: GateRule = { approvals: 1, roles: ['release-manager', 'admin'], noSelfApproval: true };
export const TWO_OF_US: GateRule = { ...ONE_OF_US, approvals: 2 };

export function settingsOf(gate: GateRule, more = ''): LaneSettings {
  return { gate, settingsHash: `hash(${gate.approvals}:${gate.roles.join('+')}:${gate.noSelfApproval}${more})` };
}

export const SETTINGS: readonly LaneSettings[] = [
  settingsOf(TWO_OF_US),
  settingsOf(ONE_OF_US),
  settingsOf(OPEN_GATE),
  settingsOf({ ...TWO_OF_US, noSelfApproval: false }),
  settingsOf(TWO_OF_US, ':other-target'),
  inOrder(ONE_OF_US),
  inOrder(OPEN_GATE),
];

/** Settings under which each release has its turn. */
export function inOrder(gate: GateRule): LaneSettings {
  return { ...settingsOf(gate, ':in-order'), supersede: false };
}

export function releaseOf(runNumber: number): OfferedRelease {
  return {
    releaseId: `rel${runNumber}`,
    runId: `r${runNumber}`,
    runNumber,
    commit: 'c'.repeat(40),
    image: IMAGE,
    planHash: `plan${runNumber}`,
  };
}

export function bindingOf(release: OfferedRelease, { settingsHash }: LaneSettings): string {
  return `${release.image.digest.slice(0, 12)}|${release.planHash}|${settingsHash}`;
}

export function offerOf(runNumber: number, settings: LaneSettings): Extract<LaneCommand, { type: 'offer' }> {
  const release = releaseOf(runNumber);
  return {
    type: 'offer',
    deploymentId: `d${runNumber}`,
    release,
    binding: bindingOf(release, settings),
    requestedBy: { kind: 'system', name: 'Sluice' },
  };
}

export function openingOf(settings: LaneSettings = settingsOf(TWO_OF_US)): Extract<LaneCommand, { type: 'open-lane' }> {
  return { type: 'open-lane', laneId: 'l1', teamId: 't1', serviceId: 's1', environment: 'production', settings };
}

export interface PlayedLane {
  readonly state: LaneState;
  /** Sends a command that must be accepted; returns its events and effects. */
  send(command: LaneCommand): { readonly events: readonly LaneEvent[]; readonly effects: readonly LaneEffect[] };
  /** Sends a command that must not be accepted; returns `ignored` or the rejection as `code: message`. */
  refused(command: LaneCommand): string;
  offer(runNumber: number): ReturnType<PlayedLane['send']>;
  approval(
    runNumber: number,
    by: Approver,
    facts?: Partial<ContributorFacts>,
  ): Extract<LaneCommand, { type: 'approve' }>;
  ended(runNumber: number, outcome?: 'passed' | 'failed' | 'errored' | 'rolled-back'): ReturnType<PlayedLane['send']>;
  /** `d7 waiting, d8 running` */
  readonly shape: string;
}

export function openedLane(gate: GateRule, settings = settingsOf(gate)): PlayedLane {
  const ctx: DecideContext & { tick(): void } = steadyContext();
  let state: LaneState | undefined;
  const lane: PlayedLane = {
    get state() {
      if (!state) throw new Error('The lane was not opened.');
      return state;
    },
    get shape() {
      return lane.state.open.map(({ id, status }) => `${id} ${status}`).join(', ');
    },
    send(command) {
      ctx.tick();
      const decision = decideLane(state, command, ctx);
      if (decision.kind !== 'accepted') throw new Error(`${command.type} was ${JSON.stringify(decision)}`);
      for (const event of decision.events) state = evolveLane(state, event);
      return decision;
    },
    refused(command) {
      const decision = decideLane(state, command, ctx);
      if (decision.kind === 'accepted') throw new Error(`${command.type} was accepted`);
      return decision.kind === 'ignored' ? 'ignored' : `${decision.code}: ${decision.message}`;
    },
    offer: (runNumber) => lane.send(offerOf(runNumber, lane.state.settings)),
    approval: (runNumber, by, facts = {}) => ({
      type: 'approve',
      deploymentId: `d${runNumber}`,
      by,
      binding: bindingOf(releaseOf(runNumber), lane.state.settings),
      contributors: { since: lane.state.live?.deploymentId ?? null, contributors: [], ...facts },
      earlier: PEOPLE,
    }),
    ended: (runNumber, outcome = 'passed') =>
      lane.send({ type: 'deployment-ended', deploymentId: `d${runNumber}`, outcome }),
  };
  lane.send(openingOf(settings));
  return lane;
}
