import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { z } from 'zod';
import type { laneSummary } from '@sluice/protocol';
import { approvalsNeeded, waitingInOrder, type LaneState } from '@sluice/engine';
import type { Db } from '../../platform/db/database.ts';
import type { Row, Tables } from '../../platform/db/schema.ts';
import { VersionedCache } from '../../platform/db/versioned-cache.ts';

export type LaneSummary = z.infer<typeof laneSummary>;

/** More lanes than an installation of the largest size has. */
const KEPT = 20_000;

/** What lanes look like on the board and in lists. */
@Injectable()
export class LaneSummaries {
  readonly #db: Kysely<Tables>;
  readonly #shown = new VersionedCache<Shown>(KEPT);
  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** Lanes of some services, by service, in environment order; a lane exists from the first release offered to it. */
  async of(serviceIds: string[]): Promise<Map<string, LaneSummary[]>> {
    const byService = new Map<string, LaneSummary[]>();
    if (serviceIds.length === 0) return byService;
    const rows = await this.#db
      .selectFrom('lanes')
      .innerJoin('environments', 'environments.id', 'lanes.environment_id')
      .innerJoin('services', 'services.id', 'lanes.service_id')
      .innerJoin('teams', 'teams.id', 'lanes.team_id')
      .select(['lanes.id', 'lanes.version', 'lanes.service_id', 'environments.name', 'services.slug'])
      .select('teams.slug as team')
      .where('lanes.service_id', 'in', serviceIds)
      .orderBy('environments.position')
      .orderBy('environments.name')
      .execute();
    const shown = await this.#shown.of(rows, (unknown) => this.#look(unknown.map(({ id }) => id)));
    // One that went meanwhile is left out.
    const present = rows.flatMap((row) => (shown.has(row.id) ? [{ ...row, ...shown.get(row.id)! }] : []));
    const idle = present.filter(({ open }) => open === null).map(({ id }) => id);
    const ended = await newestEnded(this.#db, idle);
    for (const { id: laneId, service_id: serviceId, slug: service, team, name: environment, live, open } of present) {
      const summary = { laneId, service, team, environment, live, current: open ?? ended.get(laneId) ?? null };
      byService.set(serviceId, [...(byService.get(serviceId) ?? []), summary]);
    }
    return byService;
  }

  async #look(laneIds: string[]): Promise<Map<string, Shown>> {
    const rows = await this.#db
      .selectFrom('lanes')
      .select('id')
      // The longest part of a lane that was used for a while, and no page shows it.
      .select(sql<LaneState>`state - 'endedReleases'`.as('state'))
      .where('id', '=', sql<string>`any(${laneIds}::uuid[])`)
      .execute();
    return new Map(rows.map(({ id, state }) => [id, show(state)]));
  }
}

type Current = NonNullable<LaneSummary['current']>;

/** Follows from the lane's state alone. What ended does not: retention removes that from behind it. */
interface Shown {
  readonly live: LaneSummary['live'];
  readonly open: Current | null;
}

function show(state: LaneState): Shown {
  const inOrder = state.settings.supersede === false ? firstOf(state) : undefined;
  const open = inOrder ?? state.open.at(-1);
  return {
    live: state.live
      ? {
          deploymentId: state.live.deploymentId,
          runNumber: state.live.release.runNumber,
          commit: state.live.release.commit,
          digest: state.live.release.image.digest,
          since: state.live.since,
        }
      : null,
    open: open
      ? {
          deploymentId: open.id,
          status: open.status,
          runNumber: open.release.runNumber,
          commit: open.release.commit,
          since: open.startedAt ?? open.enteredAt,
          approvals: open.approvals.length,
          needed: approvalsNeeded(state.settings.gate, open.unlinked),
          reason: open.reason ?? null,
        }
      : null,
  };
}

type EndedRow = Pick<Row<'deployments'>, 'id' | 'lane_id' | 'status' | 'reason' | 'finished_at' | 'entered_at'> &
  Pick<Row<'releases'>, 'run_number' | 'commit'>;

/** Where each release has its turn: the one that has it, or the first that waits for it. */
function firstOf(state: LaneState): LaneState['open'][number] | undefined {
  return state.open.find(({ status }) => status !== 'waiting') ?? waitingInOrder(state)[0];
}

/** The last deployment of a lane, when it did not pass: the board must not hide it behind what is live. */
async function newestEnded(db: Db, laneIds: string[]): Promise<Map<string, Current>> {
  if (laneIds.length === 0) return new Map();
  // One index look-up per lane, whatever the length of its history.
  const { rows } = await sql<EndedRow>`
    select last.*, releases.run_number, releases.commit
    from unnest(${laneIds}::uuid[]) as lane(id)
    cross join lateral (
      select id, lane_id, status, reason, finished_at, entered_at, release_id from deployments
      where lane_id = lane.id order by entered_at desc limit 1) as last
    join releases on releases.id = last.release_id
    where last.status not in ('passed', 'superseded', 'cancelled')`.execute(db);
  return new Map(
    rows.map((row) => [
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
