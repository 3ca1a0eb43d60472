import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Kysely } from 'kysely';
import type { RepositoryKind } from '@sluice/protocol';
import { Clock, Ids } from '../../../platform/clock/clock.port.ts';
import { SystemClock, UuidV7 } from '../../../platform/clock/system-clock.ts';
import { Config, readConfig } from '../../../platform/config/config.ts';
import { ReservedDatabase } from '../../../platform/db/reserved-database.ts';
import { Transactions } from '../../../platform/db/transactions.ts';
import { testDatabase, type TestDatabase } from '../../../platform/db/testing/test-database.ts';
import { createFastifyAdapter } from '../../../platform/http/fastify-server.ts';
import { HttpModule } from '../../../platform/http/http.module.ts';
import { PublicOrigin } from '../../../platform/http/public-origin.ts';
import { RequestsInFlight } from '../../../platform/http/requests-in-flight.ts';
import { Outbox, OutboxHandlers } from '../../../platform/outbox/outbox.ts';
import { OutboxRelay } from '../../../platform/outbox/outbox-relay.ts';
import { OutboxSignal } from '../../../platform/outbox/outbox-signal.ts';
import { RegisteredHandlers } from '../../../platform/outbox/registered-handlers.ts';
import { hookPlace } from '../../catalog/index.ts';
import { IdentityModule } from '../../identity/index.ts';
import { PlanningModule } from '../../planning/index.ts';
import { Sealer } from '../../secrets/index.ts';
import { WebhooksModule } from '../index.ts';

const ids = new UuidV7();

@Global()
@Module({})
class WebhooksApp {}

/** The ports these features need, without queue and blobs. */
function platformOf(
  config: Config,
  database: TestDatabase,
  signal: OutboxSignal,
  handlers: RegisteredHandlers,
): Pick<DynamicModule, 'providers' | 'exports'> {
  const providers = [
    { provide: Config, useValue: config },
    { provide: Kysely, useValue: database.db },
    { provide: Transactions, useValue: database.transactions },
    { provide: ReservedDatabase, useValue: new ReservedDatabase(database.db) },
    { provide: Outbox, useValue: new Outbox(signal) },
    { provide: OutboxHandlers, useValue: handlers },
    { provide: Clock, useValue: new SystemClock() },
    { provide: Ids, useValue: ids },
  ];
  return { providers, exports: providers.map(({ provide }) => provide) };
}

export interface TestHook {
  readonly id: string;
  readonly repositoryId: string;
  readonly teamId: string;
  readonly secret: string;
}

export interface WebhooksTestApp {
  readonly app: NestFastifyApplication;
  readonly database: TestDatabase;
  readonly relay: OutboxRelay;
  /** A repository with its hook and, if named, one service. */
  hook(kind: RepositoryKind, options?: { secret?: string; url?: string; service?: string }): Promise<TestHook>;
  // Answers are asserted field by field in tests.
  // oxlint-disable-next-line typescript/no-explicit-any
  post(hookId: string, body: Buffer | string, headers: Record<string, string>): Promise<{ status: number; body: any }>;
  close(): Promise<void>;
}

/** Webhooks and planning behind the product's own HTTP edge. The relay stands still until a test starts it. */
export async function webhooksApp(environment: Record<string, string> = {}): Promise<WebhooksTestApp> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-hooks-'));
  const config = readConfig(
    { SLUICE_DATA: folder, PUBLIC_URL: 'http://localhost:4000', SLUICE_LOOK_MINUTES: '0', ...environment },
    folder,
  );
  const database = await testDatabase();
  const signal = new OutboxSignal();
  const handlers = new RegisteredHandlers();
  const relay = new OutboxRelay(database.db, signal, handlers, { topics: [], retryMs: 50 });
  const inFlight = new RequestsInFlight();
  const root: DynamicModule = {
    module: WebhooksApp,
    ...platformOf(config, database, signal, handlers),
    imports: [
      HttpModule.forRoot(new PublicOrigin('http://localhost:4000'), inFlight),
      IdentityModule,
      PlanningModule,
      WebhooksModule,
    ],
  };
  const app = await NestFactory.create<NestFastifyApplication>(
    root,
    createFastifyAdapter('http://localhost:4000', inFlight),
    { rawBody: true, logger: false, abortOnError: false },
  );
  await app.listen(0, '127.0.0.1');
  const sealer = app.get(Sealer, { strict: false });
  let made = 0;
  return {
    app,
    database,
    relay,
    hook: async (kind, { secret = 'the secret of the hook', url, service } = {}) => {
      made += 1;
      const [teamId, repositoryId, id] = [ids.next(), ids.next(), ids.next()];
      await database.db
        .insertInto('teams')
        .values({ id: teamId, slug: `team-${made}`, title: 'Team' })
        .execute();
      await database.db
        .insertInto('repositories')
        .values({
          id: repositoryId,
          team_id: teamId,
          url: url ?? `https://git.example.com/${made}.git`,
          kind,
          default_branch: 'main',
        })
        .execute();
      await database.db
        .insertInto('hooks')
        .values({ id, team_id: teamId, repository_id: repositoryId, secret_sealed: sealer.seal(secret, hookPlace(id)) })
        .execute();
      if (service)
        await database.db
          .insertInto('services')
          .values({ id: ids.next(), team_id: teamId, slug: service, repository_id: repositoryId })
          .execute();
      return { id, repositoryId, teamId, secret };
    },
    post: async (hookId, body, headers) => {
      const answer = await app.inject({ method: 'POST', url: `/hooks/${hookId}`, headers, payload: body });
      return { status: answer.statusCode, body: answer.body === '' ? undefined : answer.json() };
    },
    close: async () => {
      await relay.stop();
      await app.close();
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function fixture(name: string): Buffer {
  return readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url));
}

export function sign(body: Buffer | string, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

let deliveries = 0;
/** Headers as GitHub sends them, with a delivery id of its own each. */
export function githubHeaders(
  body: Buffer | string,
  secret: string,
  event = 'push',
  delivery = `github-${++deliveries}`,
): Record<string, string> {
  return {
    'content-type': 'application/json',
    'user-agent': 'GitHub-Hookshot/044aadd',
    'x-github-event': event,
    'x-github-delivery': delivery,
    'x-github-hook-id': '402211001',
    'x-hub-signature-256': sign(body, secret),
  };
}

export function gitHeaders(
  body: Buffer | string,
  secret: string,
  event = 'push',
  delivery = `git-${++deliveries}`,
): Record<string, string> {
  return {
    'content-type': 'application/json',
    'x-sluice-event': event,
    'x-sluice-delivery': delivery,
    'x-sluice-signature-256': sign(body, secret),
  };
}

const JSON_BODY = { 'content-type': 'application/json' };

export function gitlabHeaders(
  token: string,
  event = 'Push Hook',
  delivery = `gitlab-${++deliveries}`,
): Record<string, string> {
  return {
    ...JSON_BODY,
    'x-gitlab-event': event,
    'x-gitlab-token': token,
    'x-gitlab-event-uuid': '13792a34-cac6-4fda-95a8-c58e00a3954e',
    'idempotency-key': delivery,
  };
}

export function giteaHeaders(
  body: Buffer | string,
  secret: string,
  event = 'push',
  delivery = `gitea-${++deliveries}`,
): Record<string, string> {
  const signature = sign(body, secret);
  return {
    ...JSON_BODY,
    'x-gitea-event': event,
    'x-gitea-event-type': event,
    'x-gitea-delivery': delivery,
    'x-gitea-signature': signature.slice('sha256='.length),
    'x-hub-signature-256': signature,
  };
}

export function bitbucketHeaders(
  body: Buffer | string,
  secret: string,
  event = 'repo:push',
  delivery = `bitbucket-${++deliveries}`,
): Record<string, string> {
  return {
    ...JSON_BODY,
    'x-event-key': event,
    'x-request-uuid': delivery,
    'x-hook-uuid': '93d3e1f2-0c1b-4a5d-8e6f-7a8b9c0d1e2f',
    'x-hub-signature': sign(body, secret),
  };
}
