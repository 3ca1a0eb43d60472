import type { z } from 'zod';
import type { laneSummary } from '@sluice/protocol';
import { waitingInOrder, type LaneState } from '@sluice/engine';
import type { Db } from '../../platform/db/database.ts';

export type LaneSummary = z.infer<typeof laneSummary>;

/** Lanes of some services, in environment order; a lane exists from the first release offered to it. */
export async function readLaneSummaries(db: Db, serviceIds: string[]): Promise<Map<string, LaneSummary[]>> {
  const byService = new Map<string, LaneSummary[]>();
  if (serviceIds.length === 0) return byService;
  const rows = await db
    .selectFrom('lanes')
    .innerJoin('environments', 'environments.id', 'lanes.environment_id')
    .innerJoin('services', 'services.id', 'lanes.service_id')
    .innerJoin('teams', 'teams.id', 'lanes.team_id')
    .select(['lanes.id', 'lanes.service_id', 'lanes.state', 'environments.name', 'services.slug', 'teams.slug as team'])
    .where('lanes.service_id', 'in', serviceIds)
    .orderBy('environments.position')
    .orderBy('environments.name')
    .execute();
  const ended = await newestEnded(
    db,
    rows.filter((row) => row.state.open.length === 0).map((row) => row.id),
  );
  for (const row of rows) {
    const summary = summariseLane(row.state, ended.get(row.id) ?? null, {
      laneId: row.id,
      service: row.slug,
      team: row.team,
      environment: row.name,
    });
    byService.set(row.service_id, [...(byService.get(row.service_id) ?? []), summary]);
  }
  return byService;
}

type Current = NonNullable<LaneSummary['current']>;

function summariseLane(
  state: LaneState,
  ended: Current | null,
  names: Pick<LaneSummary, 'laneId' | 'service' | 'team' | 'environment'>,
): LaneSummary {
  const inOrder = state.settings.supersede === false ? firstOf(state) : undefined;
  const open = inOrder ?? state.open.at(-1);
  return {
    ...names,
    live: state.live
      ? {
          deploymentId: state.live.deploymentId,
          runNumber: state.live.release.runNumber,
          commit: state.live.release.commit,
          digest: state.live.release.image.digest,
          since: state.live.since,
        }
      : null,
    current: open
      ? {
          deploymentId: open.id,
          status: open.status,
          runNumber: open.release.runNumber,
          commit: open.release.commit,
          since: open.startedAt ?? open.enteredAt,
          approvals: open.approvals.length,
          needed: state.settings.gate.approvals,
          reason: open.reason ?? null,
        }
      : ended,
  };
}

/** Where each release has its turn: the one that has it, or the first that waits for it. */
function firstOf(state: LaneState): LaneState['open'][number] | undefined {
  return state.open.find(({ status }) => status !== 'waiting') ?? waitingInOrder(state)[0];
}

/** The last deployment of a lane, when it did not pass: the board must not hide it behind what is live. */
async function newestEnded(db: Db, laneIds: string[]): Promise<Map<string, Current>> {
  if (laneIds.length === 0) return new Map();
  const rows = await db
    .selectFrom('deployments')
    .innerJoin('releases', 'releases.id', 'deployments.release_id')
    .distinctOn('deployments.lane_id')
    .select([
      'deployments.id',
      'deployments.lane_id',
      'deployments.status',
      'deployments.reason',
      'deployments.finished_at',
      'deployments.entered_at',
      'releases.run_number',
      'releases.commit',
    ])
    .where('deployments.lane_id', 'in', laneIds)
    .orderBy('deployments.lane_id')
    .orderBy('deployments.entered_at', 'desc')
    .execute();
  return new Map(
    rows
      .filter((row) => !['passed', 'superseded', 'cancelled'].includes(row.status))
      .map((row) => [
        row.lane_id,
        {
          deploymentId: row.id,
          status: row.status,
          runNumber: row.run_number,
          commit: row.commit,
          since: (row.finished_at ?? row.entered_at).toISOString(),
          approvals: 0,
          needed: 0,
          reason: row.reason,
        },
      ]),
  );
}
