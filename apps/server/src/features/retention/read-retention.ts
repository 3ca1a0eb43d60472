import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { TeamLimits, Tables } from '../../platform/db/schema.ts';
import { requireSystemAdmin, requireTeam, type UserPrincipal } from '../../platform/http/principal.ts';
import { Retention } from './retention.ts';
import { limitsOf, readTeamLimits } from './team-limits.ts';

const SWEEPS_SHOWN = 20;

@Injectable()
export class ReadRetention {
  readonly #db: Kysely<Tables>;
  readonly #retention: Retention;
  constructor(db: Kysely<Tables>, retention: Retention) {
    this.#db = db;
    this.#retention = retention;
  }

  async installation(by: UserPrincipal) {
    requireSystemAdmin(by);
    const { on, limits } = this.#retention;
    const whole = JSON.stringify(limitsOf(limits, null));
    const sweeps = await this.#db
      .selectFrom('retention_sweeps')
      .selectAll()
      .orderBy('started_at', 'desc')
      .limit(SWEEPS_SHOWN)
      .execute();
    return {
      on,
      limits,
      teams: (await readTeamLimits(this.#db, limits))
        .filter((team) => JSON.stringify(team.limits) !== whole)
        .map((team) => ({ team: team.slug, limits: team.limits })),
      sweeps: sweeps.map((row) => ({
        startedAt: row.started_at.toISOString(),
        finishedAt: row.finished_at?.toISOString() ?? null,
        removed: row.removed,
        problems: row.problems,
        more: row.more,
      })),
    };
  }

  async team(by: UserPrincipal, team: string): Promise<{ on: boolean; limits: TeamLimits; installation: TeamLimits }> {
    const { teamId } = requireTeam(by, team, 'viewer');
    const { retention } = await this.#db
      .selectFrom('teams')
      .select('retention')
      .where('id', '=', teamId)
      .executeTakeFirstOrThrow();
    const { on, limits } = this.#retention;
    return { on, limits: limitsOf(limits, retention), installation: limitsOf(limits, null) };
  }
}
