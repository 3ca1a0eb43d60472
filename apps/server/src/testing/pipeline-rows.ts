import type { Ids } from '../platform/clock/clock.port.ts';
import { SystemClock, UuidV7 } from '../platform/clock/system-clock.ts';
import { json } from '../platform/db/database.ts';
import type { TestDatabase } from '../platform/db/testing/test-database.ts';
import { Outbox } from '../platform/outbox/outbox.ts';
import { OutboxSignal } from '../platform/outbox/outbox-signal.ts';
import { CreateRun, type CreateRunInput, currentStates, RunStore } from '../features/runs/index.ts';

const COMMIT = 'a'.repeat(40);

export interface TestTeam {
  readonly teamId: string;
  readonly serviceId: string;
  readonly repositoryId: string;
  readonly slug: string;
}

/** Rows as the product makes them, for specs of what happens to attempts. */
export class PipelineRows {
  readonly ids: Ids = new UuidV7();
  readonly outbox = new Outbox(new OutboxSignal());
  readonly runs = new RunStore(new SystemClock(), this.ids, this.outbox);
  readonly #database: TestDatabase;

  constructor(database: TestDatabase) {
    this.#database = database;
  }

  async pool({
    teamId = null,
    trust = 'trusted',
    labels = [],
  }: { teamId?: string | null; trust?: 'trusted' | 'untrusted'; labels?: string[] } = {}): Promise<string> {
    const id = this.ids.next();
    await this.#database.db
      .insertInto('pools')
      .values({ id, team_id: teamId, name: named('pool', id), trust, labels: json(labels) })
      .execute();
    return id;
  }

  async runner(poolId: string, slots = 1): Promise<{ kind: 'runner'; runnerId: string; poolId: string }> {
    const runnerId = this.ids.next();
    const name = named('runner', runnerId);
    await this.#database.db
      .insertInto('runners')
      .values({ id: runnerId, pool_id: poolId, name, token_hash: runnerId, slots })
      .execute();
    return { kind: 'runner', runnerId, poolId };
  }

  /** A team with one service, of this slug if named. */
  async team(service?: string): Promise<TestTeam> {
    const [teamId, serviceId, repositoryId] = [this.ids.next(), this.ids.next(), this.ids.next()];
    const slug = service ?? named('service', serviceId);
    const { db } = this.#database;
    await db
      .insertInto('teams')
      .values({ id: teamId, slug: named('team', teamId), title: 'Team' })
      .execute();
    await db
      .insertInto('repositories')
      .values({
        id: repositoryId,
        team_id: teamId,
        url: 'https://git.example.com/shop.git',
        kind: 'git',
        default_branch: 'main',
        credential_sealed: null,
      })
      .execute();
    await db
      .insertInto('services')
      .values({ id: serviceId, team_id: teamId, slug, repository_id: repositoryId, path: 'services/shop' })
      .execute();
    return { teamId, serviceId, repositoryId, slug };
  }

  /** A run from the text of a definition; its first attempts are queued. The text's `service:` line is added. */
  async run(
    team: TestTeam,
    stages: string,
    trust: 'trusted' | 'untrusted' = 'trusted',
    ref = 'refs/heads/main',
    more: Partial<Pick<CreateRunInput, 'pullRequest' | 'held'>> = {},
  ): Promise<string> {
    const create = new CreateRun(this.ids, this.runs);
    const { runId } = await this.#database.transactions.run((unit) =>
      create.create(unit, {
        teamId: team.teamId,
        serviceId: team.serviceId,
        ref,
        commit: {
          sha: COMMIT,
          message: 'a "message"; $(id)',
          author: 'Ann',
          authorEmail: 'ann@example.com',
          at: '2026-01-01T00:00:00Z',
        },
        trust,
        trigger: { kind: 'push', by: { kind: 'forge', name: 'ann' } },
        event: { event: 'push', changedPaths: null },
        dedupeKey: null,
        ...more,
        file: { path: 'sluice.yaml', text: `service: ${team.slug}\non: { push: { branches: [main] } }\n${stages}` },
      }),
    );
    return runId;
  }

  async attempts(runId: string) {
    return this.#database.db
      .selectFrom('attempts')
      .selectAll()
      .where('run_id', '=', runId)
      .orderBy('number')
      .orderBy('job_key')
      .execute();
  }

  async attempt(attemptId: string) {
    return this.#database.db.selectFrom('attempts').selectAll().where('id', '=', attemptId).executeTakeFirstOrThrow();
  }

  async stateOf(runId: string) {
    const { db } = this.#database;
    const row = await db
      .selectFrom('runs')
      .select(['id', 'version', 'state'])
      .where('id', '=', runId)
      .executeTakeFirstOrThrow();
    return (await currentStates(db, [row])).get(runId)!;
  }
}

/** Names are unique in the whole database, and some specs fill it from several places: so they carry the id's random part. */
const named = (kind: string, id: string) => `${kind}-${id.slice(-12)}`;

export const ONE_JOB = `
commit:
  jobs:
    verify: { image: "example.com/node:24", steps: [{ run: "true" }], retry: { on: [lost], times: 1 } }
`;
