import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { startGitHost, type GitHost } from '@sluice/testing';
import { Clock } from '../../../platform/clock/clock.port.ts';
import { SystemClock, UuidV7 } from '../../../platform/clock/system-clock.ts';
import { json } from '../../../platform/db/database.ts';
import type { Row } from '../../../platform/db/schema.ts';
import { testDatabase, type TestDatabase } from '../../../platform/db/testing/test-database.ts';
import { SimpleGitMirror } from '../../../platform/forge/simple-git-mirror.ts';
import { makeWorkTree, type WorkTree } from '../../../platform/forge/testing/work-tree.ts';
import type { UserPrincipal } from '../../../platform/http/principal.ts';
import { Outbox } from '../../../platform/outbox/outbox.ts';
import { OutboxSignal } from '../../../platform/outbox/outbox-signal.ts';
import { Audit, ChainHead } from '../../audit/index.ts';
import {
  OpenRepository,
  repositoryPlace,
  type ControlPlaneDefinition,
  type LoadPipelines,
} from '../../catalog/index.ts';
import { CreateRun, RunStates, RunStore, VoidHeldRuns } from '../../runs/index.ts';
import { Sealer } from '../../secrets/index.ts';
import { BranchHeads } from '../branch-heads.ts';
import { DefinitionFiles } from '../definition-file.ts';
import { FireSchedules } from '../fire-schedules.ts';
import { Patience } from '../patience.ts';
import { LookForPushes } from '../look-for-pushes.ts';
import { LookNow } from '../look-now.ts';
import { PlacePush } from '../place-push.ts';
import { PlanBranch } from '../plan-branch.ts';
import { PlanDelivery } from '../plan-delivery.ts';
import { PlanPullRequest } from '../plan-pull-request.ts';
import { PlanServices } from '../plan-services.ts';
import { PlanTag } from '../plan-tag.ts';
import { PlannedServices } from '../planned-services.ts';
import type { PullRequestDelivery } from '../pull-request-delivery.ts';
import type { PushDelivery } from '../push-delivery.ts';
import { ReadTriggers } from '../read-triggers.ts';
import { RecordPlan } from '../record-plan.ts';
import { StartAfterRelease } from '../start-after-release.ts';
import { StartRun } from '../start-run.ts';
import { StartScheduled } from '../start-scheduled.ts';
import { StartUnasked } from '../start-unasked.ts';
import { StoreTriggers } from '../store-triggers.ts';

/** Stands still until it is moved. */
class SetClock extends Clock {
  #now = new Date('2026-03-02T12:00:00Z');
  override now(): Date {
    return this.#now;
  }
  pass(ms: number): void {
    this.#now = new Date(this.#now.getTime() + ms);
  }
}

const CREDENTIAL = { username: 'bot', password: 'bot-password' };

export interface TestRepository {
  readonly id: string;
  readonly teamId: string;
  readonly team: string;
  readonly hookId: string;
  readonly url: string;
  readonly work: WorkTree;
  /** Pushes to a branch of the git host. */
  push(what?: string): Promise<void>;
}

/** Planning on real rows, a real git host and real mirrors. */
export class PlanningWorld {
  readonly database: TestDatabase;
  readonly host: GitHost;
  readonly planner: PlanDelivery;
  readonly startRun: StartRun;
  readonly readTriggers: ReadTriggers;
  /** Those of two replicas. */
  readonly schedules: readonly FireSchedules[];
  readonly startScheduled: StartScheduled;
  readonly afterRelease: StartAfterRelease;
  /** The clock of the server, not of the database. */
  now = () => new Date();
  readonly looks: LookForPushes;
  readonly lookNow: LookNow;
  readonly clock = new SetClock();
  readonly runStore: RunStore;
  /** Definitions that the control plane keeps. */
  readonly kept = new Map<string, ControlPlaneDefinition>();
  readonly #root: string;
  readonly #ids = new UuidV7();
  readonly #sealer = new Sealer(Buffer.alloc(32, 7));
  #made = 0;

  static async open(): Promise<PlanningWorld> {
    // Refused deliveries are what many of these specs are about.
    Logger.overrideLogger(false);
    const root = mkdtempSync(join(tmpdir(), 'sluice-planning-'));
    const host = await startGitHost({
      root: join(root, 'host'),
      users: { ada: 'ada-password', bot: CREDENTIAL.password },
      read: 'authenticated',
    });
    return new PlanningWorld(root, host, await testDatabase());
  }

  private constructor(root: string, host: GitHost, database: TestDatabase) {
    this.#root = root;
    this.host = host;
    this.database = database;
    const mirror = new SimpleGitMirror({ folder: join(root, 'mirrors'), allowedOrigins: [host.origin] });
    const repositories = new OpenRepository(database.db, this.#sealer);
    const files = new DefinitionFiles(mirror, {
      definitionOf: (service: string) => this.kept.get(service),
    } as LoadPipelines);
    const outbox = new Outbox(new OutboxSignal());
    const states = new RunStates();
    this.runStore = new RunStore(new SystemClock(), this.#ids, outbox, states);
    const createRun = new CreateRun(this.#ids, this.runStore);
    const triggers = new StoreTriggers(this.#ids, outbox);
    const heads = new BranchHeads(database.db, repositories, mirror, files);
    const known = new PlannedServices(database.db);
    const patience = new Patience({ now: () => this.now() });
    const unasked = new StartUnasked(database.transactions, known, heads, createRun, patience);
    this.readTriggers = new ReadTriggers(database.transactions, known, heads, triggers, patience);
    this.schedules = [0, 1].map(() => new FireSchedules(database.transactions, outbox));
    this.startScheduled = new StartScheduled(database.db, unasked);
    this.afterRelease = new StartAfterRelease(database.db, database.transactions, outbox, unasked);
    const services = new PlanServices(files);
    this.planner = new PlanDelivery(
      database.db,
      mirror,
      repositories,
      new PlanBranch(database.db, mirror, new PlacePush(mirror), services),
      new PlanTag(mirror, services),
      new PlanPullRequest(mirror, services),
      new RecordPlan(database.transactions, createRun, new VoidHeldRuns(this.runStore, states), outbox, triggers),
    );
    const audit = new Audit(new ChainHead(Buffer.alloc(32)));
    this.looks = new LookForPushes(database.transactions, outbox, this.#ids, this.clock, mirror, repositories);
    this.lookNow = new LookNow(database.db, database.transactions, this.looks, audit);
    this.startRun = new StartRun(database.db, database.transactions, heads, createRun, audit);
  }

  async close(): Promise<void> {
    await this.host.stop();
    await this.database.close();
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }

  /** A repository with a work tree beside it. `services`: slug to folder. */
  async repository(services: Readonly<Record<string, string>>, url?: string): Promise<TestRepository> {
    this.#made += 1;
    const name = `shop-${this.#made}`;
    const team = `team-${this.#made}`;
    const [id, teamId, hookId] = [this.#ids.next(), this.#ids.next(), this.#ids.next()];
    const made = await this.host.createRepository(name);
    const { db } = this.database;
    await db.insertInto('teams').values({ id: teamId, slug: team, title: 'Team' }).execute();
    const sealed = this.#sealer.seal(JSON.stringify(CREDENTIAL), repositoryPlace(id));
    await db
      .insertInto('repositories')
      .values({
        id,
        team_id: teamId,
        url: url ?? made.url,
        kind: 'git',
        default_branch: 'main',
        credential_sealed: sealed,
      })
      .execute();
    await db
      .insertInto('hooks')
      .values({ id: hookId, team_id: teamId, repository_id: id, secret_sealed: '' })
      .execute();
    for (const [slug, path] of Object.entries(services)) {
      await db
        .insertInto('services')
        .values({ id: this.#ids.next(), team_id: teamId, slug, repository_id: id, path })
        .execute();
    }
    const work = await makeWorkTree(join(this.#root, `work-${this.#made}`));
    await work.git('remote', 'add', 'origin', this.host.repositoryUrl(name, 'ada'));
    return {
      id,
      teamId,
      team,
      hookId,
      url: made.url,
      work,
      push: async (what = 'main') => void (await work.git('push', '--quiet', '--force', 'origin', what)),
    };
  }

  /** Stores a delivery as the webhook does; planning it is another step. */
  async store(repository: TestRepository, push: Partial<PushDelivery> & Pick<PushDelivery, 'after'>): Promise<string> {
    const id = this.#ids.next();
    const whole: PushDelivery = {
      schemaVersion: 1,
      ref: 'refs/heads/main',
      before: null,
      pusher: 'jonas',
      commits: [],
      ...push,
    };
    return this.#insert(id, repository, 'push', whole);
  }

  /** Stores the delivery of a pull request and plans it. */
  async deliverPullRequest(
    repository: TestRepository,
    told: Partial<PullRequestDelivery> & Pick<PullRequestDelivery, 'head'>,
  ): Promise<Row<'deliveries'>> {
    const id = this.#ids.next();
    const whole: PullRequestDelivery = {
      schemaVersion: 1,
      kind: 'pull_request',
      ref: 'refs/pull/17/head',
      number: 17,
      closed: false,
      source: 'cents',
      target: 'main',
      outside: true,
      title: 'Cents',
      by: { id: '51000007', login: 'mira-feld' },
      ...told,
    };
    await this.#insert(id, repository, 'pull_request', whole);
    await this.planner.plan({ deliveryId: id });
    return this.delivery(id);
  }

  async #insert(
    id: string,
    repository: TestRepository,
    event: string,
    payload: PushDelivery | PullRequestDelivery,
  ): Promise<string> {
    await this.database.db
      .insertInto('deliveries')
      .values({
        id,
        team_id: repository.teamId,
        hook_id: repository.hookId,
        repository_id: repository.id,
        delivery_key: id,
        event,
        ref: payload.ref,
        content_key: id,
        payload: json(payload),
      })
      .execute();
    return id;
  }

  /** Stores and plans; gives the delivery's row afterwards. */
  async deliver(
    repository: TestRepository,
    push: Partial<PushDelivery> & Pick<PushDelivery, 'after'>,
  ): Promise<Row<'deliveries'>> {
    const deliveryId = await this.store(repository, push);
    await this.planner.plan({ deliveryId });
    return this.delivery(deliveryId);
  }

  async delivery(id: string): Promise<Row<'deliveries'>> {
    return this.database.db.selectFrom('deliveries').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  }

  async runs(repository: TestRepository) {
    return this.database.db
      .selectFrom('runs')
      .innerJoin('services', 'services.id', 'runs.service_id')
      .select(['services.slug', 'runs.number', 'runs.ref', 'runs.commit', 'runs.status', 'runs.state', 'runs.trust'])
      .where('services.repository_id', '=', repository.id)
      .orderBy('runs.created_at')
      .orderBy('services.slug')
      .execute();
  }

  async head(repository: TestRepository, ref = 'refs/heads/main'): Promise<string | undefined> {
    const row = await this.database.db
      .selectFrom('branch_heads')
      .select('commit')
      .where('repository_id', '=', repository.id)
      .where('ref', '=', ref)
      .executeTakeFirst();
    return row?.commit;
  }

  person(repository: TestRepository, role: 'viewer' | 'developer'): UserPrincipal {
    const memberships = [{ teamId: repository.teamId, team: repository.team, title: 'Team', role }];
    return {
      kind: 'user',
      userId: this.#ids.next(),
      name: 'Mira',
      email: 'mira@example.com',
      systemAdmin: false,
      memberships,
      via: 'session',
      scopes: [],
    };
  }
}

export function definitionOf(service: string, on = ''): string {
  return `service: ${service}\n${on}\ncommit:\n  jobs:\n    verify: { image: node:24, steps: [{ run: npm test }] }\n`;
}
