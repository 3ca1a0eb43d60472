import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startS3, type S3Part } from '@sluice/testing';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BlobStore } from '../../platform/blobs/blob-store.port.ts';
import { FolderBlobStore } from '../../platform/blobs/folder-blob-store.ts';
import { S3BlobStore } from '../../platform/blobs/s3-blob-store.ts';
import type { TestTeam } from '../../testing/pipeline-rows.ts';
import { RunnerApp, type RunnerClient } from './testing/runner-app.ts';

const USES = `
commit:
  jobs:
    compile: { image: "a:1", steps: [{ run: "true" }], artifacts: { dist: dist }, retry: { times: 0 } }
test:
  jobs:
    uses: { image: "a:1", steps: [{ run: "true" }], use: commit.compile.artifacts.dist }
`;
const CACHED = `
commit:
  jobs:
    unit: { image: "a:1", steps: [{ run: "true" }], cache: [{ key: npm, files: lock, paths: .npm, restore: [npm] }, { key: plain, paths: x }] }
`;

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const bytesOf = (seed: string, length = 200_000) => Buffer.alloc(length, `${seed} `);
const offer = (bytes: Buffer) => ({ length: bytes.length, sha256: sha256(bytes) });

interface Held {
  readonly who: RunnerClient;
  readonly runId: string;
  readonly attemptId: string;
  readonly epoch: number;
  // Asserted field by field.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly lease: any;
}

describe.each(['folder', 's3'] as const)('files over the wire, blobs in %s', (kind) => {
  let server: RunnerApp;
  let s3: S3Part | undefined;
  let folder: string;
  let blobs: BlobStore;
  let team: TestTeam;
  let pool: string;
  let runner: RunnerClient;
  let untrusted: RunnerClient;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-files-'));
    if (kind === 's3') {
      s3 = await startS3();
      const { bucket, endpoint, accessKeyId, secretAccessKey } = s3;
      blobs = new S3BlobStore(
        { bucket, prefix: 'p', endpoint, region: 'eu-central-1' },
        { credentials: { accessKeyId, secretAccessKey } },
      );
    } else blobs = await FolderBlobStore.open(folder, new Date());
    server = await RunnerApp.start({
      blobs,
      environment: { SLUICE_ARTIFACT_LIMIT_BYTES: '9000000', SLUICE_CACHE_TEAM_BYTES: '500000' },
    });
  });
  afterAll(async () => {
    await server.close();
    await s3?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await server.database.empty();
    team = await server.rows.team();
    pool = await server.rows.pool();
    runner = await server.runner(pool, 20);
    untrusted = await server.runner(await server.rows.pool({ trust: 'untrusted' }), 20);
  });

  async function lease(who = runner): Promise<Held> {
    const poll = { pollId: server.rows.ids.next(), slots: 20, waitSeconds: 5, protocol: 1 };
    const { body } = await who.call('poll', poll);
    const { attemptId, epoch, run } = body.lease;
    expect((await who.call(`attempts/${attemptId}/start`, { epoch })).status).toBe(200);
    return { who, runId: run.id, attemptId, epoch, lease: body.lease };
  }
  async function held(stages: string, trust: 'trusted' | 'untrusted' = 'trusted', ref = 'refs/heads/main') {
    await server.rows.run(team, stages, trust, ref);
    return lease(trust === 'trusted' ? runner : untrusted);
  }
  const call = (at: Held, path: string, body: object, who = at.who) =>
    who.call(`attempts/${at.attemptId}/${path}`, { epoch: at.epoch, ...body });

  /** As a runner does it: one PUT to the store, or parts to the server. Statuses of the answers. */
  async function send(
    link: { url: string; headers: Record<string, string>; partBytes: number | null },
    bytes: Buffer,
    who = runner,
  ): Promise<number[]> {
    const { 'content-length': _, ...headers } = link.headers;
    if (link.partBytes === null) {
      return [(await fetch(link.url, { method: 'PUT', headers, body: new Uint8Array(bytes) })).status];
    }
    const statuses: number[] = [];
    for (let at = 0; at < bytes.length; at += link.partBytes) {
      const part = bytes.subarray(at, at + link.partBytes);
      statuses.push(await sendPart(link.url, part, `bytes ${at}-${at + part.length - 1}/${bytes.length}`, who));
    }
    return statuses;
  }
  const sendPart = async (url: string, part: Buffer, range: string, who = runner) =>
    (
      await fetch(server.origin + url, {
        method: 'PUT',
        headers: {
          'content-type': 'application/octet-stream',
          'content-range': range,
          ...(who.token === '' ? {} : { authorization: `Bearer ${who.token}` }),
        },
        body: new Uint8Array(part),
      })
    ).status;
  async function read(url: string, who = runner): Promise<Buffer | number> {
    const answer = await fetch(url.startsWith('/') ? server.origin + url : url, {
      headers: url.startsWith('/') ? { authorization: `Bearer ${who.token}` } : {},
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    return answer.status === 200 ? bytes : answer.status;
  }
  const pass = (at: Held) =>
    call(at, 'result', {
      result: {
        outcome: 'passed',
        exitCode: 0,
        steps: [
          {
            index: 0,
            name: 'true',
            status: 'passed',
            startedAt: '2026-01-01T00:00:00Z',
            finishedAt: '2026-01-01T00:00:01Z',
            exitCode: 0,
            logOffset: 0,
          },
        ],
        log: { length: 0, sha256: sha256(Buffer.alloc(0)), truncated: false },
      },
    });
  async function leave(at: Held, bytes: Buffer, name = 'dist'): Promise<string> {
    const { body } = await call(at, 'artifacts', { name, files: 3, ...offer(bytes) });
    await send(body.link, bytes);
    expect(await call(at, 'artifacts/keep', { id: body.id })).toMatchObject({ status: 200 });
    return body.id as string;
  }
  async function leaveCache(at: Held, bytes: Buffer, filesHash: string | null = 'a'.repeat(64), index = 0) {
    const { body } = await call(at, 'caches', { index, filesHash, ...offer(bytes) });
    if (body.link === null) return false;
    await send(body.link, bytes, at.who);
    expect(await call(at, 'caches/keep', { id: body.id })).toMatchObject({ status: 200 });
    return true;
  }
  const find = async (at: Held, filesHash: string | null = 'a'.repeat(64), index = 0) =>
    (await call(at, 'caches/find', { index, filesHash })).body;
  const keptArtifacts = async () =>
    (await server.database.db.selectFrom('artifacts').select('name').where('status', '=', 'kept').execute()).length;

  describe('artifacts', () => {
    it('go from one job to a later one, byte by byte', async () => {
      const first = await held(USES);
      expect(first.lease.work.artifacts).toEqual([{ name: 'dist', paths: ['dist'] }]);
      expect(first.lease.work.limits.artifactBytes).toBe(9_000_000);
      const bytes = bytesOf('dist', 8_500_000);
      const id = await leave(first, bytes);
      expect((await pass(first)).status).toBe(200);
      const second = await lease();
      expect(second.lease.work.use).toEqual([
        { from: 'commit.compile.artifacts.dist', artifact: { id, ...offer(bytes) } },
      ]);
      const { body } = await call(second, 'artifacts/use', { id });
      expect(bytes.equals((await read(body.url)) as Buffer)).toBe(true);
    });

    it('F68 A64 are not visible before length and digest are right, and may be sent again', async () => {
      const at = await held(USES);
      const bytes = bytesOf('dist');
      const { body } = await call(at, 'artifacts', { name: 'dist', files: 1, ...offer(bytes) });
      expect((await call(at, 'artifacts/keep', { id: body.id })).status).toBe(422);
      const other = Buffer.from(bytes).fill(0, 9_000, 9_001);
      await send(body.link, other);
      expect(await call(at, 'artifacts/keep', { id: body.id })).toMatchObject({
        status: 422,
        body: { error: { code: 'stored-bytes-differ' } },
      });
      expect(await keptArtifacts()).toBe(0);
      expect((await pass(at)).body).toMatchObject({ error: { code: 'result-contradiction' } });
      await leave(at, bytes);
      expect(await keptArtifacts()).toBe(1);
      expect((await pass(at)).status).toBe(200);
    });

    it('A64 are never overwritten: the same bytes are known already, other bytes are a conflict', async () => {
      const at = await held(USES);
      const bytes = bytesOf('dist');
      const { body } = await call(at, 'artifacts', { name: 'dist', files: 1, ...offer(bytes) });
      await leave(at, bytes);
      expect((await call(at, 'artifacts', { name: 'dist', files: 1, ...offer(bytes) })).body.link).toBeNull();
      expect(await call(at, 'artifacts', { name: 'dist', files: 1, ...offer(bytesOf('other')) })).toMatchObject({
        status: 409,
        body: { data: { code: 'artifact-exists' } },
      });
      if (body.link.partBytes !== null) expect(await send(body.link, bytesOf('x', bytes.length))).toEqual([409]);
    });

    it.each(['../../x', 'con', 'a\r\nSet-Cookie: x', 'other'])('A62 the name %j is refused', async (name) => {
      const at = await held(USES);
      expect((await call(at, 'artifacts', { name, files: 1, ...offer(bytesOf('x')) })).status).toBe(422);
    });

    it('A61 more bytes than allowed are refused before any is sent', async () => {
      const at = await held(USES);
      const answer = await call(at, 'artifacts', { name: 'dist', files: 1, length: 9_000_001, sha256: 'a'.repeat(64) });
      expect(answer).toMatchObject({ status: 422, body: { error: { code: 'artifact-too-large' } } });
    });

    it('A49 A51 belong to the lease: strangers and stale epochs get nothing', async () => {
      const at = await held(USES);
      const bytes = bytesOf('dist');
      const { body } = await call(at, 'artifacts', { name: 'dist', files: 1, ...offer(bytes) });
      const stranger = await server.runner(await server.rows.pool());
      const colleague = await server.runner(pool);
      for (const [who, status] of [
        [stranger, 404],
        [colleague, 409],
      ] as const) {
        expect((await call(at, 'artifacts', { name: 'dist', files: 1, ...offer(bytes) }, who)).status).toBe(status);
        expect((await call(at, 'artifacts/keep', { id: body.id }, who)).status).toBe(status);
        expect((await call(at, 'caches/find', { index: 0, filesHash: null }, who)).status).toBe(status);
        if (body.link.partBytes !== null) expect(await send(body.link, bytes, who)).toEqual([status]);
      }
      if (body.link.partBytes !== null) {
        expect(await send(body.link, bytes, server.client(''))).toEqual([401]);
        const [text, seal] = (body.link.url as string).split('/').at(-1)!.split('.');
        const forged = JSON.parse(Buffer.from(text!, 'base64url').toString()) as Record<string, unknown>;
        const other = Buffer.from(JSON.stringify({ ...forged, key: 'logs/x/0' })).toString('base64url');
        expect(await sendPart(`/api/v1/runner/blobs/${other}.${seal}`, bytes, 'bytes 0-1/2')).toBe(403);
        expect(await read(body.link.url as string)).toBe(403);
        const whole = `bytes 0-${bytes.length - 1}/${bytes.length}`;
        for (const range of ['bytes 5-4/3', 'bytes 0-1/2', `bytes 1-${bytes.length}/${bytes.length}`, '', whole + '0'])
          expect(await sendPart(body.link.url as string, bytes, range)).toBe(416);
      }
      await call(at, 'result', {
        result: {
          outcome: 'failed',
          exitCode: 1,
          steps: [],
          log: { length: 0, sha256: sha256(Buffer.alloc(0)), truncated: false },
        },
      });
      expect((await call(at, 'artifacts/keep', { id: body.id })).status).toBe(409);
    });

    it('a job cannot read an artifact that it does not use', async () => {
      const first = await held(USES);
      const id = await leave(first, bytesOf('dist'));
      expect((await call(first, 'artifacts/use', { id })).status).toBe(404);
      expect((await call(first, 'artifacts/use', { id: server.rows.ids.next() })).status).toBe(404);
    });
  });

  describe('caches', () => {
    const empty = { found: null };

    it('are found by key, then by the beginning of a key, with their bytes', async () => {
      const first = await held(CACHED);
      expect(await find(first)).toEqual({ key: `npm-${'a'.repeat(64)}`, ...empty });
      const bytes = bytesOf('npm');
      expect(await leaveCache(first, bytes)).toBe(true);
      expect(await leaveCache(first, bytesOf('later'))).toBe(false);
      const second = await held(CACHED);
      const hit = await find(second);
      expect(hit.found).toMatchObject({ exact: true, ...offer(bytes) });
      expect(bytes.equals((await read(hit.found.url as string)) as Buffer)).toBe(true);
      const partial = await find(second, 'b'.repeat(64));
      expect(partial.found).toMatchObject({ exact: false, key: `npm-${'a'.repeat(64)}` });
      expect((await find(second, null, 1)).found).toBeNull();
      const uses = await server.database.db
        .selectFrom('cache_uses')
        .select(['outcome', 'place'])
        .where('attempt_id', '=', second.attemptId)
        .orderBy('place')
        .execute();
      expect(uses).toEqual([
        { outcome: 'partial', place: 0 },
        { outcome: 'miss', place: 1 },
      ]);
    });

    it('I25 A65 nothing that an untrusted run left is found by the default branch, whatever its ref is called', async () => {
      for (const ref of ['refs/pull/7/head', 'refs/heads/main']) {
        const foreign = await held(CACHED, 'untrusted', ref);
        expect(await leaveCache(foreign, bytesOf(`poison ${ref}`))).toBe(true);
        expect((await find(await held(CACHED, 'untrusted', ref))).found).not.toBeNull();
      }
      for (const ref of ['refs/heads/main', 'refs/heads/dev', 'refs/pull/7/head']) {
        const trusted = await held(CACHED, 'trusted', ref);
        expect((await find(trusted)).found).toBeNull();
        expect((await find(trusted, 'b'.repeat(64))).found).toBeNull();
      }
    });

    it('I25 a branch reads the default branch, which does not read the branch, and an untrusted run reads neither', async () => {
      expect(await leaveCache(await held(CACHED, 'trusted', 'refs/heads/dev'), bytesOf('dev'))).toBe(true);
      expect((await find(await held(CACHED))).found).toBeNull();
      const main = bytesOf('main');
      expect(await leaveCache(await held(CACHED), main)).toBe(true);
      expect((await find(await held(CACHED, 'trusted', 'refs/heads/other'))).found).toMatchObject(offer(main));
      expect((await find(await held(CACHED, 'trusted', 'refs/heads/dev'))).found).toMatchObject(offer(bytesOf('dev')));
      expect((await find(await held(CACHED, 'untrusted', 'refs/heads/dev'))).found).toBeNull();
    });

    it('A65 only what the definition declares can be asked for', async () => {
      const at = await held(CACHED);
      for (const asked of [
        { index: 2, filesHash: null },
        { index: 0, filesHash: null },
        { index: 1, filesHash: 'a'.repeat(64) },
      ]) {
        expect((await call(at, 'caches/find', asked)).status).toBe(404);
        expect((await call(at, 'caches', { ...asked, ...offer(bytesOf('x')) })).status).toBe(404);
      }
    });

    it('F68 one with other bytes than said is never found', async () => {
      const at = await held(CACHED);
      const bytes = bytesOf('npm');
      const { body } = await call(at, 'caches', { index: 0, filesHash: 'a'.repeat(64), ...offer(bytes) });
      await send(body.link, bytesOf('other'));
      expect((await call(at, 'caches/keep', { id: body.id })).status).toBe(422);
      expect((await find(at)).found).toBeNull();
    });

    it('of a team stay within its room: what was not used for the longest time goes, with its bytes', async () => {
      const hashes = ['1', '2', '3'].map((digit) => digit.repeat(64));
      for (const hash of hashes.slice(0, 2)) await leaveCache(await held(CACHED), bytesOf(hash), hash);
      expect((await find(await held(CACHED), hashes[0])).found).toMatchObject({ exact: true });
      const before = await server.database.db.selectFrom('caches').select(['key', 'blob_key']).execute();
      await leaveCache(await held(CACHED), bytesOf('3'), hashes[2]);
      const after = await server.database.db.selectFrom('caches').select('key').orderBy('key').execute();
      expect(after.map(({ key }) => key)).toEqual([`npm-${hashes[0]}`, `npm-${hashes[2]}`]);
      const gone = before.find(({ key }) => key === `npm-${hashes[1]}`)!;
      await expect(blobs.read(gone.blob_key)).rejects.toThrow('missing');
      const tooLarge = await call(await held(CACHED), 'caches', {
        index: 1,
        filesHash: null,
        length: 500_001,
        sha256: 'a'.repeat(64),
      });
      expect(tooLarge).toMatchObject({ status: 422, body: { error: { code: 'cache-too-large' } } });
    });

    it('an old one is not given out, and a new one may take its place', async () => {
      await leaveCache(await held(CACHED), bytesOf('old'));
      await server.database.db
        .updateTable('caches')
        .set({ expires_at: sql<Date>`now() - interval '1 second'` })
        .execute();
      const at = await held(CACHED);
      expect((await find(at)).found).toBeNull();
      expect(await leaveCache(at, bytesOf('new'))).toBe(true);
      expect((await find(at)).found).toMatchObject(offer(bytesOf('new')));
    });

    it('of two that come at once one is kept, and the other one goes', async () => {
      const [one, two] = [await held(CACHED), await held(CACHED)];
      const left = await Promise.all(
        [one, two].map(async (at, index) => {
          const bytes = bytesOf(`racer ${index}`);
          const { body } = await call(at, 'caches', { index: 0, filesHash: 'a'.repeat(64), ...offer(bytes) });
          await send(body.link, bytes);
          return { at, id: body.id as string };
        }),
      );
      const answers = await Promise.all(left.map(({ at, id }) => call(at, 'caches/keep', { id })));
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      expect(await server.database.db.selectFrom('caches').select('status').execute()).toEqual([{ status: 'kept' }]);
    });
  });
});
