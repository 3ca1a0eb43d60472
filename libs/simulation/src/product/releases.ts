import { isTerminal, type Actor } from '@sluice/engine';
import type { Task } from '../kernel/kernel.ts';
import { applyToLane, bindingOf, bindToSettings, calledOffBy, openLane } from './lane-store.ts';
import type { Replica } from './replica.ts';
import { applyToRun } from './run-store.ts';
import type { Messages } from './tables.ts';

/** features/runs/make-release.ts */
export function* makeRelease(replica: Replica, { runId }: Messages['make-release']): Task {
  yield* replica.transaction(function* (unit) {
    const row = yield* unit.lock('runs', runId);
    if (!row || row.state.releaseId !== undefined) return;
    const { state: run, planHash } = row;
    const first = run.plan.release[0];
    if (isTerminal(run.status) || run.cancelRequested || !run.image || !first) return;
    const id = replica.at.newId('release');
    unit.put('releases', {
      id,
      serviceId: run.serviceId,
      runId,
      runNumber: run.number,
      commit: run.commit,
      image: run.image,
      planHash,
      route: run.plan.release.map(({ environment }) => environment),
    });
    yield* applyToRun(replica, unit, runId, { type: 'release-made', releaseId: id });
    replica.send(unit, 'offer-release', {
      releaseId: id,
      environment: first.environment,
      requestedBy: run.trigger.by,
    });
  });
}

/** features/lanes/offer-release.ts */
export function* offerRelease(
  replica: Replica,
  { releaseId, environment: name, requestedBy }: Messages['offer-release'],
): Task {
  yield* replica.transaction(
    function* (unit) {
      const release = unit.get('releases', releaseId)!;
      yield replica.at.store.statement();
      if (!replica.at.wiring.guards.cancelledAtGate && unit.get('runs', release.runId)?.state.cancelRequested) return;
      const environment = unit.rows('environments').find((row) => row.name === name)!;
      const laneId = yield* openLane(replica, unit, unit.get('services', release.serviceId)!, environment);
      yield* bindToSettings(replica, unit, laneId);
      if (replica.at.wiring.guards.cancelledAtGate && (yield* calledOffBy(unit, release.runId))) return;
      const { runId, runNumber, commit, image, planHash } = release;
      yield* applyToLane(replica, unit, laneId, {
        type: 'offer',
        deploymentId: replica.at.newId('deployment'),
        release: { releaseId, runId, runNumber, commit, image, planHash },
        binding: bindingOf(image.digest, planHash, environment.settingsHash),
        requestedBy,
      });
    },
    undefined,
    true,
  );
}

export function* advanceRelease(replica: Replica, { releaseId, from }: Messages['advance-release']): Task {
  yield* replica.transaction(function* (unit) {
    yield replica.at.store.statement();
    const release = unit.get('releases', releaseId)!;
    const environment = release.route[release.route.indexOf(from) + 1];
    if (environment === undefined) return;
    const requestedBy: Actor = unit.get('runs', release.runId)!.state.trigger.by;
    replica.send(unit, 'offer-release', { releaseId, environment, requestedBy });
  });
}

/** Takes a release out of every lane where it still waits. */
export function* withdrawRelease(replica: Replica, { releaseId, by }: Messages['withdraw-release']): Task {
  yield replica.at.store.statement();
  const waiting = replica.at.store
    .rows('deployments')
    .filter((row) => row.releaseId === releaseId && row.status === 'waiting');
  for (const { laneId } of waiting)
    yield* replica.transaction((unit) => applyToLane(replica, unit, laneId, { type: 'withdraw', releaseId, by }));
}

/** features/runs/mirror-lane.ts */
export function* tellRun(replica: Replica, { runId, ...word }: Messages['tell-run']): Task {
  yield* replica.transaction((unit) => applyToRun(replica, unit, runId, { type: 'lane-changed', ...word }));
}

/** features/lanes/rebind-lanes.ts */
export function* rebindLanes(replica: Replica, { environmentId }: Messages['rebind-lanes']): Task {
  yield replica.at.store.statement();
  const lanes = replica.at.store.rows('lanes').filter((lane) => lane.environmentId === environmentId);
  for (const { id } of lanes) yield* replica.transaction((unit) => bindToSettings(replica, unit, id));
}
