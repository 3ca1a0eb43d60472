import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { RouteOptions } from 'fastify';
import { createApp } from '../create-app.ts';
import { SetupLink } from '../features/identity/index.ts';
import { readConfig, type Config } from '../platform/config/config.ts';
import { testDatabase, type TestDatabase } from '../platform/db/testing/test-database.ts';
import { openBlobStore } from '../platform/blobs/open-blob-store.ts';
import { PlatformModule } from '../platform/platform.module.ts';

export interface TestPerson {
  readonly cookie: string;
  readonly csrf: string;
  readonly userId: string;
}

export interface Answer {
  readonly status: number;
  // Answers are asserted field by field in tests.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
  readonly headers: Record<string, string | string[] | number | undefined>;
  readonly text: string;
}

export interface TestApp {
  readonly app: NestFastifyApplication;
  readonly config: Config;
  readonly database: TestDatabase;
  readonly routes: readonly RouteOptions[];
  /** Without `as` nobody; a text is sent as bearer token. */
  call(
    method: string,
    path: string,
    options?: { as?: TestPerson | string; body?: unknown; headers?: Record<string, string> },
  ): Promise<Answer>;
  /** First admin of the installation, by the set-up link. */
  setUp(): Promise<TestPerson>;
  person(admin: TestPerson, email: string, memberships?: { team: string; role: string }[]): Promise<TestPerson>;
  close(): Promise<void>;
}

const PASSWORD = 'correct horse battery';

/** The whole server on a database of its own; nothing listens until a test asks for it. */
export async function testApp(environment: Record<string, string> = {}): Promise<TestApp> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-app-'));
  const database = await testDatabase();
  const settings = {
    DATABASE_URL: database.url,
    SLUICE_MASTER_KEY: 'ab'.repeat(32),
    SLUICE_DATA: folder,
    SLUICE_LOOK_MINUTES: '0',
    PUBLIC_URL: 'http://localhost:4000',
    SLUICE_WEB_DIR: folder,
    SLUICE_DOCKER_ENGINES: 'unix:///var/run/docker.sock,unix:///x',
  };
  const config = readConfig({ ...settings, ...environment }, folder);
  const platform = PlatformModule.forRoot(config, () =>
    openBlobStore(config.blobs, { now: new Date(), warn: () => undefined }),
  );
  const routes: RouteOptions[] = [];
  const app = await createApp({ config, platform, logger: false, onRoute: (route) => void routes.push({ ...route }) });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();

  const call: TestApp['call'] = async (method, path, { as, body, headers = {} } = {}) => {
    const identity: Record<string, string> =
      as === undefined
        ? {}
        : typeof as === 'string'
          ? { authorization: `Bearer ${as}` }
          : { cookie: as.cookie, 'x-sluice-csrf': as.csrf, origin: 'http://localhost:4000' };
    const answer = await app.inject({
      method: method as 'GET',
      url: path,
      headers: { ...identity, ...headers },
      ...(body === undefined ? {} : { payload: body as object }),
    });
    const isJson = String(answer.headers['content-type']).startsWith('application/json');
    return {
      status: answer.statusCode,
      body: isJson ? answer.json() : undefined,
      headers: answer.headers,
      text: answer.body,
    };
  };
  const personOf = (answer: Answer): TestPerson => {
    if (answer.status !== 200) throw new Error(`sign-in answered ${answer.status}: ${answer.text}`);
    return {
      cookie: String(answer.headers['set-cookie']).split(';')[0]!,
      csrf: answer.body.csrfToken,
      userId: answer.body.userId,
    };
  };
  return {
    app,
    config,
    database,
    routes,
    call,
    setUp: async () => {
      const path = await app.get(SetupLink).renew();
      const token = new URL(path!, 'http://x').searchParams.get('token');
      return personOf(
        await call('POST', '/api/v1/setup', {
          body: { token, email: 'ada@example.com', name: 'Ada', password: PASSWORD },
        }),
      );
    },
    person: async (admin, email, memberships = []) => {
      const made = await call('POST', '/api/v1/users', {
        as: admin,
        body: { email, name: email.split('@')[0], password: PASSWORD, memberships },
      });
      if (made.status !== 200) throw new Error(`createUser answered ${made.status}: ${made.text}`);
      return personOf(await call('POST', '/api/v1/session', { body: { email, password: PASSWORD } }));
    },
    close: async () => {
      await app.close();
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
