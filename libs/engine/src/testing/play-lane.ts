import { isTerminal } from '../statuses.ts';
import type { DeploymentStatus } from '../statuses.ts';
import type { decideLane } from '../decide-lane.ts';
import { evolveLane, foldLane } from '../evolve-lane.ts';
import type {
  Approver,
  ContributorFacts,
  LaneCommand,
  LaneDeployment,
  LaneEffect,
  LaneEvent,
  LaneState,
} from '../lane.ts';
import { DEPLOYMENT_TRANSITIONS } from '../transitions.ts';
import { waitingCause } from '../waiting-cause.ts';
import { choose, hold, steadyContext } from './broken-invariant.ts';
import type { Move } from './broken-invariant.ts';
import { PEOPLE, SETTINGS, bindingOf, offerOf, openingOf } from './lane-builder.ts';

type Approve = Extract<LaneCommand, { type: 'approve' }>;

/** Plays a sequence of commands on one lane and checks the invariants after each event; throws `BrokenInvariant`. Gives every status it saw. */
export function playLane(decide: typeof decideLane, moves: readonly Move[]): readonly DeploymentStatus[] {
  const ctx = steadyContext();
  const history: LaneEvent[] = [];
  const statuses = new Map<string, DeploymentStatus>();
  const releases = new Set<string>();
  /** Written down from the commands, apart from the lane's own books: who approved which deployment for which binding. */
  const approvals = new Map<string, Approve[]>();
  /** The last approval that changed anything: what it was told of the change holds from then on. */
  const judged = new Map<string, Approve>();
  const seen: DeploymentStatus[] = [];
  let started: string[] = [];
  let state: LaneState | undefined;

  const send = (command: LaneCommand): void => {
    ctx.tick();
    const before = state;
    const decision = decide(state, command, ctx);
    if (decision.kind !== 'accepted') return;
    if (before && command.type === 'approve') {
      checkApproval(before, command, approvals);
      judged.set(command.deploymentId, command);
    }
    if (before && command.type === 'recheck-approvers')
      for (const [id, given] of approvals) approvals.set(id, stillEntitled(given, command.people, before));
    const known = new Map(statuses);
    for (const event of decision.events) {
      if (state) checkEvent(state, event, { statuses, releases, approvals, judged });
      const next: LaneState = evolveLane(state, event);
      hold('I01', next.version === (state?.version ?? 0) + 1, () => `${event.type} left a gap in the versions`);
      state = next;
      history.push(event);
      seen.push(...next.open.map(({ status }) => status), ...(event.type === 'deployment-ended' ? [event.status] : []));
      checkState(next);
    }
    if (before && state && command.type === 'change-settings') checkVoided(state, command);
    started = [...started, ...checkEffects(decision, known, statuses)];
    hold('I18', new Set(started).size === started.length, () => 'a deployment was started twice');
    if (!state) return;
    const current = state;
    checkCauses(current);
    const waiting = current.open.filter(({ status }) => status === 'waiting');
    const first = Math.min(...waiting.map(({ release }) => release.runNumber));
    const open = waiting.find(
      ({ id, approvals: given, release }) =>
        distinct(given) >= neededFor(current, judged.get(id)) &&
        (current.settings.supersede !== false || release.runNumber === first),
    );
    const active = current.open.some(({ status }) => status === 'running' || status === 'unknown');
    hold('I07', !open || active, () => `${open?.id} may start and nothing starts it`);
    const again = decide(current, command, ctx);
    hold('F20', again.kind !== 'accepted' || again.events.length === 0, () => `${command.type} changed the lane twice`);
  };

  send(openingOf());
  for (const move of moves) if (state) send(commandOf(state, move));
  if (!state) throw new Error('The lane was never opened.');
  const folded = foldLane(JSON.parse(JSON.stringify(history)) as LaneEvent[]);
  hold('I34', JSON.stringify(folded) === JSON.stringify(state), () => 'folding the history gives another state');
  return seen;
}

function commandOf(state: LaneState, { kind, a, b }: Move): LaneCommand {
  const waiting = state.open.find(({ status }) => status === 'waiting');
  const active = state.open.find(({ status }) => status !== 'waiting');
  const target = kind % 2 === 0 ? (waiting ?? active) : (choose(state.open, a) ?? waiting);
  const deploymentId = target?.id ?? `d${a % 40}`;
  const by: Approver = choose(PEOPLE, a) ?? { userId: 'u', name: 'U', roles: [] };
  const binding = b % 6 === 0 ? 'binding-of-yesterday' : (target?.binding ?? 'none');
  switch (kind % 16) {
    case 0:
    case 1:
      return offerOf(newestRun(state) + 1, state.settings);
    case 2:
      return offerOf(1 + (a % 40), state.settings);
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
      return {
        type: 'approve',
        deploymentId,
        by,
        binding,
        contributors: factsOf(state, b),
        earlier: b % 5 === 0 ? PEOPLE.slice(1) : PEOPLE,
      };
    case 8:
      return a % 3 > 0
        ? { type: 'withdraw', releaseId: target?.release.releaseId ?? 'none', by: { kind: 'user', name: by.name } }
        : { type: 'reject', deploymentId, by, binding, reason: b % 3 === 0 ? ' ' : 'too risky' };
    case 9: {
      const settings = choose(SETTINGS, a) ?? state.settings;
      const bindings = Object.fromEntries(state.open.map(({ id, release }) => [id, bindingOf(release, settings)]));
      return { type: 'change-settings', settings, bindings: b % 10 === 0 ? {} : bindings };
    }
    case 12:
      return { type: 'recheck-approvers', people: b % 3 === 0 ? PEOPLE : PEOPLE.slice(1) };
    case 10:
      return { type: 'deployment-unknown', deploymentId, reason: { code: 'timeout', message: 'No answer.' } };
    case 11:
      return {
        type: 'deployment-ended',
        deploymentId,
        outcome: choose(['failed', 'errored', 'rolled-back', 'passed'] as const, b) ?? 'passed',
      };
    default:
      return { type: 'deployment-ended', deploymentId: active?.id ?? deploymentId, outcome: 'passed' };
  }
}

function newestRun(state: LaneState): number {
  return Math.max(0, state.live?.release.runNumber ?? 0, ...state.open.map(({ release }) => release.runNumber));
}

function factsOf(state: LaneState, b: number): ContributorFacts {
  return {
    since: b % 7 === 0 ? 'another' : (state.live?.deploymentId ?? null),
    contributors: [
      { part: 'authored', identity: 'someone@elsewhere.example' },
      ...(b % 2 === 0 ? [{ part: 'pushed' as const, identity: 'rita', userId: 'u-rita' }] : []),
      ...(b % 3 === 0 ? [{ part: 'pushed' as const, identity: 'eve' }] : []),
      ...(b % 9 === 0 ? [{ part: 'triggered' as const, identity: 'Eve' }] : []),
      ...(b % 11 === 0 ? [{ part: 'triggered' as const, identity: 'mallory' }] : []),
    ],
  };
}

/** An approval that counts was given by an entitled person without a part in the change, for what waits here (I16, I17). */
function checkApproval(state: LaneState, command: Approve, approvals: Map<string, Approve[]>): void {
  const { by, deploymentId, contributors } = command;
  const { gate } = state.settings;
  const deployment = state.open.find(({ id }) => id === deploymentId);
  hold('F58', deployment?.status === 'waiting', () => `${deploymentId} was approved although it does not wait`);
  hold(
    'I16',
    by.roles.some((role) => gate.roles.includes(role)),
    () => `${by.name} approved without a fitting role`,
  );
  const isOwn = contributors.contributors.some(({ userId }) => userId === by.userId);
  hold('I16', !gate.noSelfApproval || !isOwn, () => `${by.name} approved their own change`);
  hold(
    'I16',
    contributors.since === (state.live?.deploymentId ?? null),
    () => 'an approval on contributors of another live release',
  );
  hold('I17', command.binding === deployment.binding, () => `${by.name} approved something else than what waits`);
  const independent = ({ by: earlier }: Approve): boolean =>
    !gate.noSelfApproval || contributors.contributors.every(({ userId }) => userId !== earlier.userId);
  const stillCount = stillEntitled(approvals.get(deploymentId) ?? [], command.earlier, state).filter(independent);
  approvals.set(deploymentId, [...stillCount, command]);
}

function stillEntitled(given: readonly Approve[], people: readonly Approver[], { settings }: LaneState): Approve[] {
  return given.filter(({ by }) =>
    people.some(
      ({ userId, roles }) => userId === by.userId && roles.some((role) => settings.gate.roles.includes(role)),
    ),
  );
}

/** Behind each proven hand that is linked to nobody may stand one of the approvers. */
function neededFor({ settings: { gate }, open }: LaneState, judged: Approve | undefined): number {
  const holds = open.some(({ id, binding }) => id === judged?.deploymentId && binding === judged.binding);
  if (gate.approvals === 0 || !gate.noSelfApproval || !judged || !holds) return gate.approvals;
  const hands = judged.contributors.contributors.filter(({ part, userId }) => part !== 'authored' && !userId);
  return gate.approvals + new Set(hands.map(({ identity }) => identity.toLowerCase())).size;
}

interface Books {
  readonly statuses: Map<string, DeploymentStatus>;
  readonly releases: Set<string>;
  readonly approvals: ReadonlyMap<string, readonly Approve[]>;
  readonly judged: ReadonlyMap<string, Approve>;
}

function checkEvent(state: LaneState, event: LaneEvent, { statuses, releases, approvals, judged }: Books): void {
  if (event.type === 'release-entered') {
    const { id, release } = event.deployment;
    hold('I02', !statuses.has(id), () => `${id} entered twice`);
    hold('F20', !releases.has(release.releaseId), () => `${release.releaseId} entered twice`);
    releases.add(release.releaseId);
    statuses.set(id, event.deployment.status);
  }
  if (event.type !== 'deployment-started' && event.type !== 'deployment-ended' && event.type !== 'deployment-unknown')
    return;
  const { deploymentId } = event;
  const from = statuses.get(deploymentId);
  const to =
    event.type === 'deployment-started' ? 'running' : event.type === 'deployment-unknown' ? 'unknown' : event.status;
  hold(
    from && isTerminal(from) ? 'I02' : 'I01',
    from !== undefined && DEPLOYMENT_TRANSITIONS[from].includes(to),
    () => `${deploymentId} moved from ${from} to ${to}`,
  );
  statuses.set(deploymentId, to);
  const deployment = state.open.find(({ id }) => id === deploymentId);
  const live = state.live?.release.runNumber ?? 0;
  if (event.type !== 'deployment-started' || !deployment) return;
  hold(
    'I14',
    deployment.release.runNumber > live,
    () => `run ${deployment.release.runNumber} would replace run ${live}`,
  );
  hold(
    'I14',
    state.settings.supersede !== false ||
      state.open.every(
        ({ status, release }) => status !== 'waiting' || release.runNumber >= deployment.release.runNumber,
      ),
    () => `run ${deployment.release.runNumber} overtook one that has its turn before it`,
  );
  const valid = (approvals.get(deploymentId) ?? []).filter(({ binding }) => binding === deployment.binding);
  const people = new Set(valid.map(({ by }) => by.userId)).size;
  const needed = neededFor(state, judged.get(deploymentId));
  hold('I16', people >= needed, () => `${deploymentId} started with ${people} of ${needed} approvals`);
  hold(
    'I17',
    deployment.binding === bindingOf(deployment.release, state.settings),
    () => `${deploymentId} started with a binding of other settings`,
  );
}

function checkState(state: LaneState): void {
  const count = (...wanted: DeploymentStatus[]): number =>
    state.open.filter(({ status }) => wanted.includes(status)).length;
  hold('I13', count('running', 'unknown') <= 1, () => 'two deployments hold the lane (F67)');
  hold(
    'I02',
    state.open.every(({ status }) => !isTerminal(status)),
    () => 'an ended deployment is open',
  );
}

/** What does not run can say what it waits for. */
function checkCauses(state: LaneState): void {
  for (const { id, status } of state.open) {
    const cause = waitingCause({ kind: 'deployment', lane: state, deploymentId: id });
    hold('I07', (cause !== undefined) === (status !== 'running'), () => `${id} is ${status} because of ${cause?.code}`);
  }
}

function checkVoided(state: LaneState, command: Extract<LaneCommand, { type: 'change-settings' }>): void {
  for (const { id, binding, status } of state.open) {
    if (status === 'waiting')
      hold('I17', binding === command.bindings[id], () => `${id} kept the binding of old settings`);
  }
}

/** The effects say what the events say: each start once, each change of a status told to its run in its last state. */
function checkEffects(
  decision: { readonly events: readonly LaneEvent[]; readonly effects: readonly LaneEffect[] },
  before: ReadonlyMap<string, DeploymentStatus>,
  after: ReadonlyMap<string, DeploymentStatus>,
): string[] {
  const starts = decision.effects.flatMap((effect) =>
    effect.type === 'start-deployment' ? [effect.deploymentId] : [],
  );
  const begun = decision.events.flatMap((event) => (event.type === 'deployment-started' ? [event.deploymentId] : []));
  hold('I18', starts.join() === begun.join(), () => `started ${starts.join()} for ${begun.join()}`);
  for (const [id, status] of after) {
    const told = decision.effects.filter((effect) => effect.type === 'tell-run' && effect.deploymentId === id);
    const wanted = before.get(id) === status ? 0 : 1;
    hold('I07', told.length === wanted, () => `the run was told ${told.length} times that ${id} is ${status}`);
    hold(
      'I07',
      told.every((effect) => effect.type === 'tell-run' && effect.status === status),
      () => `the run was told something else of ${id}`,
    );
  }
  const advances = decision.effects.filter(({ type }) => type === 'advance-release').length;
  const passed = decision.events.filter(
    (event) => event.type === 'deployment-ended' && event.status === 'passed',
  ).length;
  hold('I05', advances === passed, () => `${passed} passed and ${advances} went on`);
  return starts;
}

function distinct(approvals: LaneDeployment['approvals']): number {
  return new Set(approvals.map(({ userId }) => userId)).size;
}
