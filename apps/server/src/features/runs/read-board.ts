import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { z } from 'zod';
import type { boardService } from '@sluice/protocol';
import type { Tables } from '../../platform/db/schema.ts';
import { VersionedCache, type Versioned } from '../../platform/db/versioned-cache.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { readRepositoryStatuses } from '../catalog/index.ts';
import { currentStates } from './current-states.ts';
import { LaneSummaries } from './lane-summaries.ts';
import { orNone, serviceInScope } from './service-scope.ts';
import { readInputs, readTriggers } from './read-triggers.ts';
import { summariseRun, type RunSummary } from './summarise-run.ts';

/** Follows from the run's state alone. */
interface NewestRun {
  readonly summary: RunSummary;
  /** Environments, in order. */
  readonly release: string[];
}

/** More services than an installation of the largest size has. */
const KEPT = 10_000;

export type BoardService = z.infer<typeof boardService>;

@Injectable()
export class ReadBoard {
  readonly #db: Kysely<Tables>;
  readonly #lanes: LaneSummaries;
  readonly #newest = new VersionedCache<NewestRun>(KEPT);
  constructor(db: Kysely<Tables>, lanes: LaneSummaries) {
    this.#db = db;
    this.#lanes = lanes;
  }

  async board(person: UserPrincipal, team?: string) {
    const memberships = person.memberships.filter((membership) => team === undefined || membership.team === team);
    const teamIds = orNone(memberships.map((membership) => membership.teamId));
    const environments = await this.#db
      .selectFrom('environments')
      .select((eb) => ['name', eb.fn.min('position').as('position')])
      .where('team_id', 'in', teamIds)
      .groupBy('name')
      .orderBy('position')
      .orderBy('name')
      .execute();
    return {
      environments: environments.map((row) => row.name),
      teams: memberships.map((membership) => ({ slug: membership.team, title: membership.title })),
      services: await this.#services(teamIds),
    };
  }

  async service(person: UserPrincipal, slug: string) {
    const scope = await serviceInScope(this.#db, person, slug);
    const [service] = await this.#services([scope.teamId], scope.id);
    const repository = await this.#db
      .selectFrom('repositories')
      .innerJoin('hooks', 'hooks.repository_id', 'repositories.id')
      .select([
        'repositories.id',
        'repositories.url',
        'repositories.default_branch',
        'hooks.id as hook_id',
        'repositories.statuses',
        (eb) => eb('statuses_token_sealed', 'is not', null).as('ownToken'),
      ])
      .where('repositories.id', '=', scope.repositoryId)
      .executeTakeFirstOrThrow();
    const newest = (await this.#newestRuns([scope.id])).get(scope.id);
    return {
      ...service!,
      repository: {
        id: repository.id,
        url: repository.url,
        path: scope.path,
        defaultBranch: repository.default_branch,
        hookPath: `/hooks/${repository.hook_id}`,
        ...(await readRepositoryStatuses(
          this.#db,
          { ...repository, ownToken: Boolean(repository.ownToken) },
          scope.id,
        )),
      },
      release: newest?.release ?? [],
      ...(await readTriggers(this.#db, scope.id)),
      ...(await readInputs(this.#db, { id: scope.id, defaultBranch: repository.default_branch })),
    };
  }

  async #services(teamIds: string[], serviceId?: string): Promise<BoardService[]> {
    const rows = await this.#db
      .selectFrom('services')
      .innerJoin('teams', 'teams.id', 'services.team_id')
      .select(['services.id', 'services.slug', 'services.team_id', 'teams.slug as team'])
      .where('services.team_id', 'in', teamIds)
      .$if(serviceId !== undefined, (query) => query.where('services.id', '=', serviceId!))
      .orderBy('teams.slug')
      .orderBy('services.slug')
      .execute();
    const ids = rows.map((row) => row.id);
    const [newest, lanes, targets] = await Promise.all([
      this.#newestRuns(ids),
      this.#lanes.of(ids),
      this.#targetKinds(teamIds),
    ]);
    const ofPullRequests = await this.#newestRuns(
      ids.filter((id) => !newest.has(id)),
      'pull requests',
    );
    return rows.map((row) => {
      const summary = (run: NewestRun) => ({ ...run.summary, service: row.slug, team: row.team });
      const [run, ofPullRequest] = [newest.get(row.id), ofPullRequests.get(row.id)];
      return {
        slug: row.slug,
        team: row.team,
        targets: targets.get(row.team_id) ?? [],
        latest: run ? summary(run) : null,
        ...(ofPullRequest ? { pullRequestRun: summary(ofPullRequest) } : {}),
        lanes: lanes.get(row.id) ?? [],
      };
    });
  }

  /** One index look-up per service, whatever the length of its history. Runs of pull requests are no state of the service. */
  async #newestRuns(
    serviceIds: string[],
    of: 'branches and tags' | 'pull requests' = 'branches and tags',
  ): Promise<Map<string, NewestRun>> {
    if (serviceIds.length === 0) return new Map();
    const { rows } = await sql<{ service_id: string } & Versioned>`
      select s.id as service_id, r.id, r.version
      from unnest(${serviceIds}::uuid[]) as s(id)
      cross join lateral (
        select id, version from runs
        where service_id = s.id and ${of === 'pull requests' ? sql`pull_request is not null` : sql`pull_request is null`}
        order by number desc limit 1
      ) r`.execute(this.#db);
    const newest = await this.#newest.of(rows, (unknown) => this.#look(unknown.map(({ id }) => id)));
    // One that retention took meanwhile is left out.
    return new Map(rows.flatMap(({ service_id: service, id }) => (newest.has(id) ? [[service, newest.get(id)!]] : [])));
  }

  async #look(runIds: string[]): Promise<Map<string, NewestRun>> {
    const rows = await this.#db
      .selectFrom('runs')
      .select(['id', 'version', 'state'])
      .where('id', '=', sql<string>`any(${runIds}::uuid[])`)
      .execute();
    const states = await currentStates(this.#db, rows);
    const shown = new Map<string, NewestRun>();
    for (const [id, state] of states)
      shown.set(id, {
        // Names may change; they are put in their place on the way out.
        summary: summariseRun(state, { service: '', team: '' }),
        release: state.plan.release.map((entry) => entry.environment),
      });
    return shown;
  }

  async #targetKinds(teamIds: string[]): Promise<Map<string, string[]>> {
    const rows = await this.#db
      .selectFrom('environments')
      .select(['team_id', sql<string>`settings #>> '{target,kind}'`.as('kind')])
      .where('team_id', 'in', teamIds)
      .distinct()
      .execute();
    const kinds = new Map<string, string[]>();
    for (const row of rows) kinds.set(row.team_id, [...(kinds.get(row.team_id) ?? []), row.kind]);
    return kinds;
  }
}
