import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module, RequestMethod, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { API_PREFIX } from '@sluice/protocol';
import type { BlobStore } from '../../../platform/blobs/blob-store.port.ts';
import { readConfig } from '../../../platform/config/config.ts';
import { testDatabase, type TestDatabase } from '../../../platform/db/testing/test-database.ts';
import { createFastifyAdapter } from '../../../platform/http/fastify-server.ts';
import { HttpModule } from '../../../platform/http/http.module.ts';
import { hashToken, newToken } from '../../../platform/http/bearer-tokens.ts';
import { PublicOrigin } from '../../../platform/http/public-origin.ts';
import { RequestsInFlight } from '../../../platform/http/requests-in-flight.ts';
import { OutboxHandlers } from '../../../platform/outbox/outbox.ts';
import { OUTBOX_TOPICS, type OutboxTopic } from '../../../platform/outbox/messages.ts';
import { PlatformModule } from '../../../platform/platform.module.ts';
import { PipelineRows } from '../../../testing/pipeline-rows.ts';
import { IdentityModule } from '../../identity/index.ts';
import { MemoryBlobs } from '../../../testing/memory-blobs.ts';
import { RunnerApiModule } from '../index.ts';

/** Topics of the features that this server has; the messages of all others are carried to nowhere. */
const HERE: readonly OutboxTopic[] = ['look-at-pool', 'make-release', 'tell-run', 'supersede-runs', 'changed'];

@Module({})
class ElsewhereModule {
  constructor(handlers: OutboxHandlers) {
    for (const topic of OUTBOX_TOPICS) if (!HERE.includes(topic)) handlers.on(topic, () => Promise.resolve());
  }
}

@Module({})
class RunnerAppModule {
  static with(imports: DynamicModule[]): DynamicModule {
    return { module: RunnerAppModule, imports: [...imports, ElsewhereModule, IdentityModule, RunnerApiModule] };
  }
}

export interface RunnerClient {
  readonly runnerId: string;
  readonly poolId: string;
  readonly token: string;
  // Answers are asserted field by field in tests.
  // oxlint-disable-next-line typescript/no-explicit-any
  call(path: string, body: unknown, signal?: AbortSignal): Promise<{ status: number; body: any; headers: Headers }>;
  // oxlint-disable-next-line typescript/no-explicit-any
  log(attemptId: string, query: string, bytes: string | Buffer, type?: string): Promise<{ status: number; body: any }>;
}

/** A server process with the runner's side of the product, listening, on the real platform with a database of its own. */
export class RunnerApp {
  readonly database: TestDatabase;
  readonly rows: PipelineRows;
  readonly app: NestFastifyApplication;
  readonly origin: string;
  readonly #folder: string;
  readonly #ownsDatabase: boolean;

  private constructor(
    database: TestDatabase,
    app: NestFastifyApplication,
    origin: string,
    folder: string,
    ownsDatabase: boolean,
  ) {
    this.database = database;
    this.rows = new PipelineRows(database);
    this.app = app;
    this.origin = origin;
    this.#folder = folder;
    this.#ownsDatabase = ownsDatabase;
  }

  static async start({
    database,
    environment = {},
    blobs = new MemoryBlobs(),
  }: { database?: TestDatabase; environment?: Record<string, string>; blobs?: BlobStore } = {}): Promise<RunnerApp> {
    const own = database ?? (await testDatabase());
    const folder = mkdtempSync(join(tmpdir(), 'sluice-runner-app-'));
    const config = readConfig(
      { SLUICE_DATA: folder, DATABASE_URL: own.url, SLUICE_MASTER_KEY: 'ab'.repeat(32), PORT: '0', ...environment },
      folder,
    );
    const [origin, inFlight] = [new PublicOrigin('http://localhost'), new RequestsInFlight()];
    const root = RunnerAppModule.with([
      PlatformModule.forRoot(config, () => blobs),
      HttpModule.forRoot(origin, inFlight),
    ]);
    const app = await NestFactory.create<NestFastifyApplication>(root, createFastifyAdapter(origin.value, inFlight), {
      logger: false,
      abortOnError: false,
      rawBody: true,
    });
    app.setGlobalPrefix(API_PREFIX, { exclude: [{ path: 'healthz', method: RequestMethod.ALL }] });
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    return new RunnerApp(own, app, `http://127.0.0.1:${port}`, folder, database === undefined);
  }

  async runner(poolId: string, slots = 1): Promise<RunnerClient> {
    const token = newToken('slr_');
    const { runnerId } = await this.rows.runner(poolId, slots);
    await this.database.db
      .updateTable('runners')
      .set({ token_hash: hashToken(token) })
      .where('id', '=', runnerId)
      .execute();
    return this.client(token, runnerId, poolId);
  }

  client(token: string, runnerId = '', poolId = ''): RunnerClient {
    const send = async (path: string, init: RequestInit) => {
      const answer = await fetch(`${this.origin}/api/v1/runner/${path}`, { method: 'POST', ...init });
      const text = await answer.text();
      return {
        status: answer.status,
        body: text === '' ? undefined : (JSON.parse(text) as unknown),
        headers: answer.headers,
      };
    };
    const authorization = `Bearer ${token}`;
    return {
      runnerId,
      poolId,
      token,
      call: (path, body, signal) =>
        send(path, {
          body: JSON.stringify(body),
          headers: { authorization, 'content-type': 'application/json' },
          ...(signal ? { signal } : {}),
        }),
      log: (attemptId, query, bytes, type = 'application/octet-stream') =>
        send(`attempts/${attemptId}/log?${query}`, {
          body: Buffer.from(bytes),
          headers: { authorization, 'content-type': type },
        }),
    };
  }

  async close(): Promise<void> {
    await this.app.close();
    if (this.#ownsDatabase) await this.database.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
