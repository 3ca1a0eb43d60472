import { Logger } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { eventually, startFakeForge, type FakeForge } from '@sluice/testing';
import { SystemClock, UuidV7 } from '../../../platform/clock/system-clock.ts';
import { json } from '../../../platform/db/database.ts';
import type { StatusSettings } from '../../../platform/db/schema.ts';
import { testDatabase, type TestDatabase } from '../../../platform/db/testing/test-database.ts';
import type { Checks } from '../../../platform/forge/checks.port.ts';
import type { CommitStatuses } from '../../../platform/forge/commit-statuses.port.ts';
import { ForgeHttp } from '../../../platform/forge/forge-http.ts';
import { GithubApp } from '../../../platform/forge/github-app.ts';
import { GithubChecks } from '../../../platform/forge/github-checks.ts';
import { GithubStatuses } from '../../../platform/forge/github-statuses.ts';
import { PublicOrigin } from '../../../platform/http/public-origin.ts';
import type { OutboxMessages } from '../../../platform/outbox/messages.ts';
import { Outbox } from '../../../platform/outbox/outbox.ts';
import { OutboxSignal } from '../../../platform/outbox/outbox-signal.ts';
import { PipelineRows, type TestTeam } from '../../../testing/pipeline-rows.ts';
import { Sealer } from '../../secrets/index.ts';
import { NoteStatuses } from '../note-statuses.ts';
import { SendSettings } from '../send-settings.ts';
import { SendStatuses } from '../send-statuses.ts';
import { StatusForges, StatusTargets } from '../status-target.ts';
import { TellChecks } from '../tell-checks.ts';

export const COMMIT = 'a'.repeat(40);
export const STAGES = 'commit: { jobs: { unit: { image: "node:24", steps: [{ run: npm test }] } } }\n';

/** Runs in a real database, senders of their statuses, and a forge that each test finds empty. */
export class StatusWorld {
  readonly sealer = new Sealer(Buffer.alloc(32, 9));
  database!: TestDatabase;
  rows!: PipelineRows;
  forge!: FakeForge;
  team!: TestTeam;
  readonly #started: SendStatuses[] = [];

  /** `report`: what the repository of each test's team is set to. */
  constructor(report: (world: StatusWorld) => Promise<void>) {
    beforeAll(async () => {
      Logger.overrideLogger(false);
      this.database = await testDatabase();
      this.rows = new PipelineRows(this.database);
    });
    afterAll(() => this.database.close());
    beforeEach(async () => {
      this.forge = await startFakeForge();
      this.team = await this.rows.team();
      await this.database.db.deleteFrom('outbox').execute();
      await report(this);
    });
    afterEach(async () => {
      await Promise.all(this.#started.splice(0).map((one) => one.stop()));
      await this.forge.stop();
    });
  }

  async report(repositoryId: string, statuses: Partial<StatusSettings>, secret: string, place: string): Promise<void> {
    const to = { forge: 'github', apiUrl: this.forge.apiUrl('github'), repository: 'shop/shop', ...statuses };
    await this.database.db
      .updateTable('repositories')
      .set({ statuses: json(to), statuses_token_sealed: this.sealer.seal(secret, place) })
      .where('id', '=', repositoryId)
      .execute();
  }

  /** `through` stands between it and the forge's statuses, `throughChecks` between it and GitHub's checks. */
  replica(
    settings: Partial<SendSettings> = {},
    through: (inner: CommitStatuses) => CommitStatuses = (inner) => inner,
    throughChecks: (inner: Checks) => Checks = (inner) => inner,
  ) {
    const { database } = this;
    const http = new ForgeHttp({ allowedOrigins: [this.forge.origin], deadlineMs: 500 });
    const origin = new PublicOrigin('https://sluice.example.com');
    const send = new SendStatuses(
      database.db,
      database.transactions,
      new UuidV7(),
      new Outbox(new OutboxSignal()),
      origin,
      new StatusTargets(this.sealer),
      new StatusForges([through(new GithubStatuses(http))]),
      new TellChecks(database.db, origin, throughChecks(new GithubChecks(new GithubApp(http, new SystemClock())))),
      new SendSettings({ sweepMs: 20, pauseMs: 20, ...settings }),
    );
    this.#started.push(send);
    send.start();
    return { send, note: new NoteStatuses(database.transactions, send) };
  }

  /** Carries out the messages that wait, as the relay does. */
  async relay(note: NoteStatuses): Promise<void> {
    const waiting = await this.database.db
      .deleteFrom('outbox')
      .where('topic', '=', 'report-status')
      .returning('payload')
      .execute();
    await note.note(waiting.map(({ payload }) => payload as OutboxMessages['report-status']));
  }

  row() {
    const { db } = this.database;
    return db
      .selectFrom('commit_statuses')
      .selectAll()
      .where('service_id', '=', this.team.serviceId)
      .executeTakeFirst();
  }

  atRest() {
    return eventually(async () => {
      const found = await this.row();
      return found?.due_at === null && found.claim === null ? found : undefined;
    });
  }

  context(): string {
    return `sluice/${this.team.slug}`;
  }

  cancel(runId: string) {
    return this.database.transactions.run((unit) =>
      this.rows.runs.apply(unit, runId, { type: 'cancel', by: { kind: 'system', name: 'spec' } }),
    );
  }
}
