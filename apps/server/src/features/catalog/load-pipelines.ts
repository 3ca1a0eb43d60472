import { Injectable, Logger } from '@nestjs/common';
import { sql } from 'kysely';
import type { Actor } from '@sluice/engine';
import { Ids } from '../../platform/clock/clock.port.ts';
import { Config } from '../../platform/config/config.ts';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import { Audit } from '../audit/index.ts';
import { readPipelinesFolder, type ControlPlaneDefinition, type PipelinesFolder } from './pipelines-folder.ts';
import { StoreEnvironment } from './store-environment.ts';
import { StoreLimit, type StoredLimit } from './store-limit.ts';

const ACTOR: Actor = { kind: 'system', name: 'pipelines folder' };
/** One replica at a time; the second finds nothing left to change. */
const LOAD_LOCK = 7_352_002;

/** The pipelines folder has mistakes: the server does not start on half of it. */
export class PipelinesError extends Error {
  override readonly name = 'PipelinesError';
  constructor(folder: string, problems: readonly string[]) {
    super(`The pipelines folder ${folder} cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}

/** Brings the pipelines folder into the database at every start: what is new or changed, in one transaction; nothing is removed. */
@Injectable()
export class LoadPipelines {
  readonly #log = new Logger('pipelines');
  readonly #config: Config;
  readonly #transactions: Transactions;
  readonly #ids: Ids;
  readonly #environments: StoreEnvironment;
  readonly #limits: StoreLimit;
  readonly #audit: Audit;
  #definitions: ReadonlyMap<string, ControlPlaneDefinition> = new Map();
  constructor(
    config: Config,
    transactions: Transactions,
    ids: Ids,
    environments: StoreEnvironment,
    limits: StoreLimit,
    audit: Audit,
  ) {
    this.#limits = limits;
    this.#config = config;
    this.#transactions = transactions;
    this.#ids = ids;
    this.#environments = environments;
    this.#audit = audit;
  }

  async load(): Promise<void> {
    const folder = await readPipelinesFolder(this.#config.pipelinesFolder, this.#config.pipelinesRequired);
    if (folder.problems.length > 0) throw new PipelinesError(this.#config.pipelinesFolder, folder.problems);
    this.#definitions = folder.definitions;
    if (folder.teams.length === 0 && folder.environments.length === 0) return;
    const changes = await this.#transactions.run(async (unit) => {
      await sql`select pg_advisory_xact_lock(${LOAD_LOCK})`.execute(unit.tx);
      return (await this.#teams(unit, folder)) + (await this.#storeEnvironments(unit, folder));
    });
    if (changes > 0) this.#log.log(`The pipelines folder brought ${changes} changes.`);
  }

  /** Definition kept by the control plane for a service whose repository has none. */
  definitionOf(service: string): ControlPlaneDefinition | undefined {
    return this.#definitions.get(service);
  }

  async #teams(unit: Unit, { teams }: PipelinesFolder): Promise<number> {
    let changes = 0;
    for (const { slug, title, members, limits } of teams) {
      const known = await unit.tx
        .selectFrom('teams')
        .select(['id', 'title'])
        .where('slug', '=', slug)
        .executeTakeFirst();
      const teamId = known?.id ?? this.#ids.next();
      if (known?.title !== title) {
        await unit.tx
          .insertInto('teams')
          .values({ id: teamId, slug, title })
          .onConflict((clash) => clash.column('slug').doUpdateSet({ title }))
          .execute();
        await this.#audit.record(unit, {
          teamId,
          actor: ACTOR,
          action: known ? 'team.change' : 'team.create',
          subject: `team:${slug}`,
          detail: { title },
        });
        changes += 1;
      }
      if (limits) changes += await this.#storeLimits(unit, { teamId, team: slug }, limits);
      for (const { email, role } of members) {
        const person = await unit.tx
          .selectFrom('users')
          .leftJoin('memberships', (join) =>
            join.onRef('memberships.user_id', '=', 'users.id').on('memberships.team_id', '=', teamId),
          )
          .select(['users.id', 'memberships.role'])
          .where('email', '=', email.toLowerCase())
          .executeTakeFirst();
        if (!person)
          this.#log.warn(
            `teams.yaml: ${email} has no account yet and joins ${slug} at the first start after signing up.`,
          );
        if (!person || person.role === role) continue;
        await unit.tx
          .insertInto('memberships')
          .values({ team_id: teamId, user_id: person.id, role })
          .onConflict((clash) => clash.columns(['team_id', 'user_id']).doUpdateSet({ role }))
          .execute();
        await this.#audit.record(unit, {
          teamId,
          actor: ACTOR,
          action: 'role.set',
          subject: `user:${person.id}`,
          detail: { email, before: person.role, role },
        });
        changes += 1;
      }
    }
    return changes;
  }

  async #storeLimits(
    unit: Unit,
    { teamId, team }: { teamId: string; team: string },
    { runningJobs, services }: NonNullable<PipelinesFolder['teams'][number]['limits']>,
  ): Promise<number> {
    const stored: StoredLimit[] = [];
    if (runningJobs !== undefined)
      stored.push(await this.#limits.storeTeam(unit, { teamId, team, max: runningJobs, actor: ACTOR }));
    for (const [service, max] of Object.entries(services)) {
      const outcome = await this.#limits.storeService(unit, { teamId, service, max, actor: ACTOR });
      if (outcome === 'unknown')
        this.#log.warn(
          `teams.yaml: ${team} has no service ${service} yet; its limit is set at the first start after that.`,
        );
      stored.push(outcome);
    }
    return stored.filter((outcome) => outcome === 'changed').length;
  }

  async #storeEnvironments(unit: Unit, { environments }: PipelinesFolder): Promise<number> {
    let changes = 0;
    for (const { team, name, order, settings } of environments) {
      const row = await unit.tx.selectFrom('teams').select('id').where('slug', '=', team).executeTakeFirst();
      if (!row)
        throw new PipelinesError(this.#config.pipelinesFolder, [
          `environments.yaml: The environment ${name} names the team ${team}, which does not exist; add it to teams.yaml.`,
        ]);
      if (await this.#environments.store(unit, { teamId: row.id, name, order, settings, actor: ACTOR })) changes += 1;
    }
    return changes;
  }
}
