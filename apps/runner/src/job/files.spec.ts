import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { eventually } from '@sluice/testing';
import type { AttemptResult } from '@sluice/protocol';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { AttemptRecord } from '../testing/fake-server.ts';
import { runnerBench } from '../testing/runner-bench.ts';
import type { RunnerBench } from '../testing/runner-bench.ts';

let bench: RunnerBench;
beforeAll(async () => {
  bench = await runnerBench();
  await bench.start();
});
afterAll(() => bench.stop());
beforeEach(() => {
  bench.server.files.clear();
  bench.server.fault = () => undefined;
});

const LIMITS = { artifactBytes: 1_000_000, cacheBytes: 1_000_000 };
const ARTIFACT = { artifacts: [{ name: 'dist', paths: ['dist'] }], limits: LIMITS };
const CACHE = { cache: [{ key: 'npm', files: ['lock'], paths: ['modules'] }], limits: LIMITS };
const NOISE = Array.from({ length: 60 }, (_, at) => createHash('sha256').update(`${at}`).digest('hex')).join('');

async function play(
  ...given: Parameters<RunnerBench['steps']>
): Promise<{ record: AttemptRecord; result: AttemptResult; log: string }> {
  const record = bench.server.give(bench.steps(...given));
  await eventually(() => record.results.length > 0, { describe: 'the result' });
  await eventually(() => record.log.length === record.results[0]!.log.length, { describe: 'the log' });
  return { record, result: record.results[0]!, log: record.log.toString() };
}
const used = (name: string) => {
  const { bytes, sha256 } = bench.server.files.get(name)!;
  return {
    use: [
      {
        from: `commit.compile.artifacts.${name}`,
        artifact: { id: '0198a7c2-0000-7000-8000-000000000001', length: bytes.length, sha256 },
      },
    ],
  };
};
/** The id in `used` is one that the pretended server takes as a name. */
const renamed = (name: string) =>
  bench.server.files.set('0198a7c2-0000-7000-8000-000000000001', bench.server.files.get(name)!);

it('an artifact of one job is in the workspace of the next', async () => {
  const first = await play([`file dist/a.txt hello ${NOISE}\nfile other no`], ARTIFACT);
  expect(first.result.outcome).toBe('passed');
  expect(first.record.kept).toEqual(['dist']);
  expect(first.log).toMatch(/artifact dist: 1 files, .* KiB, sha256 [0-9a-f]{64}/);
  const work = used('dist');
  renamed('dist');
  const second = await play(['show dist/a.txt\nshow other'], work);
  expect(second.log).toContain(`dist/a.txt: hello ${NOISE}`);
  expect(second.log).toContain('other: none');
  const left = readdirSync(bench.config.workDir, { recursive: true }).filter((name) => String(name).endsWith('.gz'));
  expect(left).toEqual([]);
});

it('F68 an upload that is cut, or arrives otherwise, is sent again from the start', async () => {
  const seen = { 'blob-PUT': 0, 'artifacts/keep': 0 };
  bench.server.fault = (operation) => {
    if (operation !== 'blob-PUT' && operation !== 'artifacts/keep') return undefined;
    const count = (seen[operation] += 1);
    if (operation === 'artifacts/keep') return count === 1 ? { status: 502 } : undefined;
    return count === 2 || count === 4 ? 'refuse' : undefined;
  };
  const { result, record } = await play([`file dist/a.txt ${NOISE}`], ARTIFACT);
  expect(result.outcome).toBe('passed');
  expect(record.kept).toEqual(['dist']);
  const { bytes, sha256 } = bench.server.files.get('dist')!;
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
  expect(seen['artifacts/keep']).toBe(2);
});

it('a store that never takes the file is our trouble, and never the job passing without it', async () => {
  bench.server.fault = (operation) => (operation === 'blob-PUT' ? { status: 503 } : undefined);
  const { result } = await play(['file dist/a.txt x'], ARTIFACT);
  expect(result).toMatchObject({ outcome: 'errored', reason: { code: 'storage' } });
});

it('a job that passed without the files of its artifact has failed; one that failed leaves what it has', async () => {
  const empty = await play(['print x'], ARTIFACT);
  expect(empty.result).toMatchObject({
    outcome: 'failed',
    reason: { code: 'artifact-missing', message: 'No file matches dist: the artifact "dist" was not left.' },
  });
  const failed = await play(['file dist/trace x\nexit 3'], ARTIFACT);
  expect(failed.result).toMatchObject({ outcome: 'failed', exitCode: 3 });
  expect(failed.record.kept).toEqual(['dist']);
  bench.server.files.clear();
  bench.server.fault = (operation) => (operation === 'artifacts' ? { status: 422 } : undefined);
  expect((await play(['file dist/trace x\nexit 3'], ARTIFACT)).result).toMatchObject({
    outcome: 'failed',
    exitCode: 3,
  });
});

it('A61 an artifact beyond the limit fails the job with one sentence', async () => {
  const small = { ...ARTIFACT, limits: { ...LIMITS, artifactBytes: 1_000 } };
  expect((await play([`file dist/a ${NOISE}`], small)).result.reason).toEqual({
    code: 'artifact-refused',
    message: 'The artifact "dist" was not left: they have more than 1000 bytes packed.',
  });
});

it('A64 an artifact that arrives otherwise than it was kept is not put in place', async () => {
  await play([`file dist/a.txt ${NOISE}`], ARTIFACT);
  const work = used('dist');
  renamed('dist');
  const file = bench.server.files.get('dist')!;
  file.bytes = Buffer.from(file.bytes).fill(0, 100, 101);
  const { result, log } = await play(['show dist/a.txt'], work);
  expect(result).toMatchObject({ outcome: 'errored', reason: { code: 'storage' } });
  expect(log).not.toContain('dist/a.txt:');
});

it('A60 an artifact with a name that climbs is refused before the first step', async () => {
  const tar = pack();
  tar.entry({ name: '../../etc/x' }, 'x');
  tar.finalize();
  const bytes = gzipSync(await buffer(Readable.from(tar)));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  bench.server.files.set('dist', { name: 'dist', bytes, sha256, kept: true });
  renamed('dist');
  const { result } = await play(['print ran'], used('dist'));
  expect(result).toMatchObject({ outcome: 'failed', reason: { code: 'artifact-refused' } });
});

it('an artifact that its job need not have left is a line of the log', async () => {
  const { result, log } = await play(['print ran'], { use: [{ from: 'commit.a.artifacts.b', artifact: null }] });
  expect(result.outcome).toBe('passed');
  expect(log).toContain('commit.a.artifacts.b: its job left none');
});

it('a cache is kept after a job that passed, and found by the next one', async () => {
  const failed = await play(['file modules/a x\nexit 1'], CACHE);
  expect(failed.record.kept).toEqual([]);
  const first = await play([`file modules/a ${NOISE}`], CACHE);
  expect(first.record.kept).toEqual([expect.stringMatching(/^cache-0-[0-9a-f]{64}$/)]);
  expect(first.log).toMatch(/cache cache-0-\w+: miss/);
  expect(first.log).toMatch(/cache cache-0-\w+: kept, 1 files/);
  const second = await play(['show modules/a\nfile modules/b y'], CACHE);
  expect(second.log).toContain(`modules/a: ${NOISE}`);
  expect(second.log).toMatch(/cache cache-0-\w+: hit/);
  expect(second.record.kept).toEqual([]);
});

it.each(['caches/find', 'caches', 'caches/keep', 'blob-PUT'])(
  'trouble with a cache at %s is a line of the log and nothing else',
  async (trouble) => {
    bench.server.fault = (operation) => (operation === trouble ? { status: 503 } : undefined);
    const { result, log } = await play(['file modules/a x'], CACHE);
    expect(result.outcome).toBe('passed');
    expect(log).toMatch(/cache [\w-]+: not (restored|kept)/);
  },
);

it('a cache that is not what it was is left alone', async () => {
  await play([`file modules/a ${NOISE}`], CACHE);
  const file = [...bench.server.files.values()][0]!;
  file.bytes = Buffer.from(file.bytes).fill(0, 100, 101);
  const { result, log } = await play(['show modules/a'], CACHE);
  expect(result.outcome).toBe('passed');
  expect(log).toContain('modules/a: none');
});
