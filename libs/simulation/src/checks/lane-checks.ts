import { hold } from '@sluice/engine/testing';
import {
  DEPLOYMENT_TRANSITIONS,
  evolveLane,
  isActiveDeployment,
  isTerminal,
  type DeploymentStatus,
  type GateRule,
  type LaneEvent,
  type LaneState,
} from '@sluice/engine';
import type { Change, Store, Transaction } from '../kernel/store.ts';
import { bindingOf } from '../product/lane-store.ts';
import type { GateCause } from '../product/gates.ts';
import type { Tables } from '../product/tables.ts';

interface Given {
  readonly userId: string;
  readonly binding: string;
}

/** Lanes and gates. Who approved is written down from what people did, never from what the lane says of it. */
export class LaneChecks {
  readonly #store: Store<Tables>;
  readonly #note: (line: string) => void;
  readonly #statuses = new Map<string, DeploymentStatus>();
  readonly #approvals = new Map<string, Given[]>();
  /** The last approval that changed anything: what was known then of the hands in the change. */
  readonly #judged = new Map<string, GateCause>();
  /** Settings that an environment has had, with the moment when the next ones replaced them. */
  readonly #settings = new Map<string, { readonly row: Tables['environments']; until: number }[]>();

  constructor(store: Store<Tables>, note: (line: string) => void) {
    this.#store = store;
    this.#note = note;
  }

  settings({ after }: Change<Tables, 'environments'>): void {
    if (!after) return;
    const known = this.#settings.get(after.id) ?? [];
    const last = known.at(-1);
    if (last) last.until = this.#store.kernel.now;
    this.#settings.set(after.id, [...known, { row: after, until: Number.POSITIVE_INFINITY }]);
  }

  row({ before, after }: Change<Tables, 'deployments'>): void {
    if (!before || !after || before.status === after.status) return;
    hold(
      isTerminal(before.status) ? 'I02' : 'I01',
      DEPLOYMENT_TRANSITIONS[before.status].includes(after.status),
      () => `the row of ${after.id} moved from ${before.status} to ${after.status}`,
    );
  }

  changed(
    { before, after }: Change<Tables, 'lanes'>,
    changes: readonly Change<Tables>[],
    unit: Transaction<Tables>,
  ): void {
    if (!after) return;
    const { id } = after;
    const stored = changes.find(({ table, after: row }) => table === 'laneEvents' && row?.id === id) as
      Change<Tables, 'laneEvents'> | undefined;
    const old = before?.version ?? 0;
    if (!stored && before) return hold('I01', after.version === old, () => `${id} has a new version without events`);
    const events = stored?.after?.events ?? [];
    hold(
      'I01',
      events.length === after.version,
      () => `${id} has version ${after.version} and ${events.length} events`,
    );
    hold('I01', (stored?.before?.events.length ?? 0) === old, () => `${id} had events beyond its version`);
    let state: LaneState | undefined = before?.state;
    for (const event of events.slice(old)) {
      this.#note(`${id} ${event.type} ${JSON.stringify({ ...event, v: undefined, at: undefined, type: undefined })}`);
      if (state) this.#event(state, event, after, changes, unit);
      state = evolveLane(state, event);
      const active = state.open.filter(({ status }) => isActiveDeployment(status)).length;
      hold('I13', active <= 1, () => `${active} deployments hold ${id}`);
    }
    hold(
      'I34',
      JSON.stringify(state?.open) === JSON.stringify(after.state.open),
      () => `${id} is not the fold of its events`,
    );
  }

  #event(
    state: LaneState,
    event: LaneEvent,
    lane: Tables['lanes'],
    changes: readonly Change<Tables>[],
    unit: Transaction<Tables>,
  ): void {
    const cause = unit.cause as GateCause | undefined;
    if (event.type === 'release-entered') {
      hold('I02', !this.#statuses.has(event.deployment.id), () => `${event.deployment.id} entered twice`);
      this.#statuses.set(event.deployment.id, event.deployment.status);
    }
    if (event.type === 'approved' || event.type === 'rejected') {
      hold(
        'I27',
        changes.some(({ table }) => table === 'audit'),
        () => `no audit entry of ${event.type}`,
      );
    }
    if (event.type === 'approved') this.#approved(state, event.deploymentId, cause);
    if (event.type === 'deployment-started') this.#started(state, event.deploymentId, lane, unit);
    const status = statusAfter(event);
    if (status === undefined || !('deploymentId' in event)) return;
    const from = this.#statuses.get(event.deploymentId);
    hold(
      from && isTerminal(from) ? 'I02' : 'I01',
      from !== undefined && DEPLOYMENT_TRANSITIONS[from].includes(status),
      () => `${event.deploymentId} moved from ${from} to ${status}`,
    );
    this.#statuses.set(event.deploymentId, status);
  }

  #approved({ settings: { gate } }: LaneState, deploymentId: string, cause: GateCause | undefined): void {
    hold('I16', cause?.kind === 'approve', () => `${deploymentId} was approved by nobody`);
    const { userId, binding, facts } = cause;
    const roles = this.#store.get('memberships', userId)?.roles ?? [];
    hold(
      'I16',
      roles.some((role) => gate.roles.includes(role)),
      () => `${userId} approved as ${roles.join()}`,
    );
    const isOwn = facts.contributors.some((hand) => hand.userId === userId);
    hold('I16', !gate.noSelfApproval || !isOwn, () => `${userId} approved a change with a hand in it`);
    this.#approvals.set(deploymentId, [...(this.#approvals.get(deploymentId) ?? []), { userId, binding }]);
    this.#judged.set(deploymentId, cause);
  }

  /** By the rows of this moment: a right that was taken away meanwhile does not count any more. */
  #mayApprove(userId: string, { roles }: GateRule): boolean {
    return (this.#store.get('memberships', userId)?.roles ?? []).some((role) => roles.includes(role));
  }

  /** Without the hands that are known, and any of the approvers may be the one behind a login that is linked to nobody. */
  #isEnough(people: readonly string[], gate: GateRule, judged: GateCause | undefined): boolean {
    const hands = gate.noSelfApproval ? (judged?.facts.contributors ?? []) : [];
    const unlinked = new Set(hands.flatMap((hand) => (hand.userId === undefined ? [hand.identity] : [])));
    const independent = people.filter((one) => hands.every(({ userId }) => userId !== one));
    const entitled = independent.filter((one) => this.#mayApprove(one, gate));
    return gate.approvals === 0 || entitled.length >= gate.approvals + unlinked.size;
  }

  #started(state: LaneState, deploymentId: string, lane: Tables['lanes'], unit: Transaction<Tables>): void {
    const deployment = state.open.find(({ id }) => id === deploymentId);
    if (!deployment) return;
    const { release, binding } = deployment;
    const live = state.live?.release.runNumber ?? 0;
    hold('I14', release.runNumber >= live, () => `run ${release.runNumber} would replace run ${live} in ${lane.id}`);
    // Settings of any moment of this transaction will do: it stands before or after the change.
    const rules = (this.#settings.get(lane.environmentId) ?? [])
      .filter(({ until }) => until >= unit.startedAt)
      .map(({ row }) => row)
      .filter((row) => bindingOf(release.image.digest, release.planHash, row.settingsHash) === binding);
    hold('I17', rules.length > 0, () => `${deploymentId} started bound to settings that were replaced`);
    const people = new Set(
      (this.#approvals.get(deploymentId) ?? []).filter((one) => one.binding === binding).map(({ userId }) => userId),
    );
    hold(
      'I16',
      rules.some(({ gate }) => this.#isEnough([...people], gate, this.#judged.get(deploymentId))),
      () => `${deploymentId} started with the approvals of ${[...people].join() || 'nobody'}`,
    );
    const run = this.#store.get('runs', release.runId)!.state;
    hold(
      'I19',
      run.cancelRequested === undefined,
      () => `the gate opened for ${deploymentId} of ${run.runId}, which was cancelled`,
    );
    hold('I24', run.trust === 'trusted', () => `${deploymentId} is of an untrusted run`);
    hold('I15', run.image?.digest === release.image.digest, () => `${deploymentId} has another digest than its run`);
  }
}

function statusAfter(event: LaneEvent): DeploymentStatus | undefined {
  if (event.type === 'deployment-started') return 'running';
  if (event.type === 'deployment-unknown') return 'unknown';
  return event.type === 'deployment-ended' ? event.status : undefined;
}
