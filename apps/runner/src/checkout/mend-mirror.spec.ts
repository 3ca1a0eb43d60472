import { execFile, execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { randomBytes } from 'node:crypto';
import { gitEnvironment } from '@sluice/git';
import { eventually, makeSmallVolume, startFaultProxy } from '@sluice/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RunnerBench } from '../testing/runner-bench.ts';
import { runnerBench } from '../testing/runner-bench.ts';
import { MirrorCache } from './mirror-cache.ts';
import { commitTar } from './service-tree.ts';

let bench: RunnerBench;
let told: string[];
let mirrorsPath: string;
const never = new AbortController().signal;
beforeEach(async () => {
  bench = await runnerBench();
  told = [];
  mirrorsPath = join(bench.folder, 'runner', 'mirrors');
});
afterEach(() => bench.stop());

/** As a runner has them after its start. */
const start = (...more: string[]) => {
  mkdirSync(mirrorsPath, { recursive: true });
  return new MirrorCache({ folder: mirrorsPath, httpOrigins: [bench.git.origin, ...more], maxMiB: 1000 });
};
const provide = (mirrors: MirrorCache, commit: string, url = bench.git.repositoryUrl('shop'), signal = never) =>
  mirrors.provide({ url, path: '', commit, ref: 'refs/heads/main', credential: null }, signal, (line) =>
    told.push(line),
  );
const folders = () => readdirSync(mirrorsPath).filter((name) => name !== 'home');
const mirrorFolder = () =>
  join(
    mirrorsPath,
    folders().find((name) => name.endsWith('.git'))!,
  );
const filesBelow = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(folder, name)).isFile());
const keptRef = () => filesBelow(join(mirrorFolder(), 'refs')).map((name) => join(mirrorFolder(), 'refs', name))[0]!;
const packs = (end: string) =>
  filesBelow(mirrorFolder())
    .filter((name) => name.endsWith(end))
    .map((name) => join(mirrorFolder(), name));
const env = () =>
  gitEnvironment(join(mirrorsPath, 'home'), { transport: 'http', origin: bench.git.origin, credential: null });

/** A mirror that has the first commit, and a commit that it has not. */
async function mirrorBehind(): Promise<string> {
  await provide(start(), bench.commit);
  return bench.push({ 'more.txt': randomBytes(20_000).toString('base64') });
}

const LEFT = [
  'config.lock',
  'HEAD.lock',
  'packed-refs.lock',
  'packed-refs.new',
  'shallow.lock',
  'gc.pid.lock',
  'objects/maintenance.lock',
  'objects/info/commit-graph.lock',
  'objects/info/commit-graphs/commit-graph-chain.lock',
  'objects/pack/multi-pack-index.lock',
  'objects/pack/pack-0123456789012345678901234567890123456789.keep',
  'objects/pack/tmp_pack_Ab12Cd',
  'objects/pack/tmp_idx_Ab12Cd',
  'objects/pack/.tmp-4711-pack-0123456789012345678901234567890123456789.pack',
  'objects/3f/tmp_obj_Ab12Cd',
];
test('F13 the next job is served, and told, where a killed git left its files', async () => {
  const commit = await mirrorBehind();
  for (const name of LEFT) {
    mkdirSync(dirname(join(mirrorFolder(), name)), { recursive: true });
    writeFileSync(join(mirrorFolder(), name), '');
  }
  const before = statSync(mirrorFolder()).ino;
  await expect(provide(start(), commit)).resolves.toMatchObject({ commit });
  expect(LEFT.filter((name) => existsSync(join(mirrorFolder(), name)))).toEqual([]);
  const names = LEFT.map((name) => basename(name)).sort();
  expect(told).toEqual([
    `the mirror of the repository was repaired: a git that was killed had left ${names.join(', ')}`,
  ]);
  // The mirror itself stays.
  expect(statSync(mirrorFolder()).ino).toBe(before);
});

test('F13 a fetch killed while it holds the lock of its ref: the same runner and the next one go on', async () => {
  const commit = await mirrorBehind();
  const hooks = join(bench.folder, 'hooks');
  mkdirSync(hooks);
  writeFileSync(join(hooks, 'reference-transaction'), '#!/bin/sh\n[ "$1" = prepared ] && kill -9 $PPID\n', {
    mode: 0o755,
  });
  const hooksSetting = Object.entries(env())
    .find(([, value]) => value === 'core.hooksPath')![0]
    .replace('KEY', 'VALUE');
  const ref = keptRef();
  const killedFetch = promisify(execFile)(
    'git',
    [
      'fetch',
      '--quiet',
      '--',
      bench.git.repositoryUrl('shop'),
      `+refs/heads/main:refs/sluice/${ref.split('/').at(-1)}`,
    ],
    { cwd: mirrorFolder(), env: { ...env(), [hooksSetting]: hooks } },
  );
  await expect(killedFetch).rejects.toMatchObject({ signal: 'SIGKILL' });
  expect(existsSync(`${ref}.lock`)).toBe(true);
  await expect(provide(start(), commit)).resolves.toMatchObject({ commit });
  expect(told).toHaveLength(1);
});

test('F61 a job cancelled in mid-fetch leaves neither a process nor a file, and the next one is served', async () => {
  const commit = await mirrorBehind();
  const proxy = await startFaultProxy({ port: Number(new URL(bench.git.origin).port) });
  const origin = `http://127.0.0.1:${proxy.port}`;
  const url = `${origin}/shop.git`;
  const mirrors = start(origin);
  await provide(mirrors, commit, url);
  bench.push({ 'large.txt': randomBytes(9_000_000).toString('base64') });
  const large = bench.push({ 'last.txt': 'x' });
  const cancel = new AbortController();
  const cancelled = provide(mirrors, large, url, cancel.signal);
  const outcome = cancelled.then(String, String);
  const half = () => filesBelow(mirrorsPath).filter((name) => name.includes('tmp_pack_'));
  await eventually(() => half().length > 0, { timeoutMs: 20_000, everyMs: 1 });
  proxy.set({ halfOpen: true });
  cancel.abort(new Error('cancelled'));
  expect(await outcome).toBe('Error: cancelled');
  expect(half()).not.toEqual([]);
  expect(gitsBelow(mirrorsPath)).toEqual([]);
  proxy.set({});
  await expect(provide(mirrors, large, url)).resolves.toMatchObject({ commit: large });
  expect(half()).toEqual([]);
  expect(told).toEqual([expect.stringContaining('tmp_pack_')]);
  await proxy.stop();
}, 60_000);

test('F13 a git that outlived its killed runner is ended before the mirror is used', async () => {
  const commit = await mirrorBehind();
  const proxy = await startFaultProxy({ port: Number(new URL(bench.git.origin).port) }, { halfOpen: true });
  const orphan = spawn(
    'git',
    ['fetch', '--quiet', '--', `http://127.0.0.1:${proxy.port}/shop.git`, '+refs/heads/main:refs/sluice/x'],
    {
      cwd: mirrorFolder(),
      detached: true,
      stdio: 'ignore',
      env: env(),
    },
  );
  const ended = new Promise<string | null>((done) => orphan.once('exit', (_, signal) => done(signal)));
  await eventually(() => proxy.connections > 0, { timeoutMs: 20_000 });
  await expect(provide(start(), commit)).resolves.toMatchObject({ commit });
  expect(await ended).toBe('SIGKILL');
  expect(gitsBelow(mirrorsPath)).toEqual([]);
  await proxy.stop();
});

const wound = async (file: string, change: (path: string) => void | Promise<void>) => {
  execFileSync('chmod', ['u+w', file]);
  await change(file);
};
const WOUNDS: [string, () => void | Promise<void>][] = [
  ['a ref that is empty', () => writeFileSync(keptRef(), '')],
  ['a ref to a commit that is not there', () => writeFileSync(keptRef(), `${'f'.repeat(40)}\n`)],
  ['zeros in a ref', () => writeFileSync(keptRef(), Buffer.alloc(41))],
  ['an empty HEAD', () => writeFileSync(join(mirrorFolder(), 'HEAD'), '')],
  ['a config that is none', () => writeFileSync(join(mirrorFolder(), 'config'), '[garbage')],
  ['packed refs that are none', () => writeFileSync(join(mirrorFolder(), 'packed-refs'), 'garbage\n')],
  ['no refs', () => rmSync(join(mirrorFolder(), 'refs'), { recursive: true })],
];
test.each(WOUNDS)('F13 a mirror with %s is made anew, and the job goes on', async (_, hurt) => {
  const commit = await mirrorBehind();
  await hurt();
  // git must not take a repository around the mirrors for the broken one.
  execFileSync('git', ['init', '--quiet', bench.folder]);
  const checkout = await provide(start(), commit);
  expect(await text(commitTar(checkout))).toContain('more.txt');
  expect(filesBelow(mirrorFolder()).filter((name) => name.startsWith('refs/'))).toHaveLength(1);
  expect(filesBelow(join(bench.folder, '.git', 'refs'))).toEqual([]);
  expect(told).toEqual(['the mirror of the repository was repaired: git found it broken, so it was made anew']);
  expect(execFileSync('git', ['fsck'], { cwd: mirrorFolder(), stdio: 'pipe' }).toString()).toBe('');
});

test.each<[string, (path: string) => void]>([
  ['.pack', (path) => truncateSync(path, statSync(path).size - 30)],
  ['.pack', (path) => rmSync(path)],
  ['.idx', (path) => truncateSync(path, 0)],
  ['.idx', (path) => rmSync(path)],
])('F13 git fetches again what it cannot find in a truncated or lost %s', async (end, hurt) => {
  const commit = await mirrorBehind();
  await wound(packs(end)[0]!, hurt);
  const checkout = await provide(start(), commit);
  expect(await text(commitTar(checkout))).toContain('more.txt');
});

const HALF_MADE: [string, (mirror: string) => void][] = [
  ['a folder alone', (mirror) => mkdirSync(mirror)],
  [
    'a lock where HEAD belongs',
    (mirror) => (mkdirSync(join(mirror, 'refs'), { recursive: true }), writeFileSync(join(mirror, 'HEAD.lock'), '')),
  ],
  ['a lock where config belongs', (mirror) => (mkdirSync(mirror), writeFileSync(join(mirror, 'config.lock'), ''))],
  ['no rule for attributes', (mirror) => execFileSync('git', ['init', '--quiet', '--bare', '--template=', mirror])],
  [
    'an earlier try beside it',
    (mirror) => (mkdirSync(`${mirror}.new`), writeFileSync(join(`${mirror}.new`, 'config.lock'), '')),
  ],
];
test.each(HALF_MADE)('F13 a mirror that was half made (%s) is made whole', async (_, leave) => {
  await provide(start(), bench.commit);
  const mirror = mirrorFolder();
  rmSync(mirror, { recursive: true });
  leave(mirror);
  const commit = bench.push({ '.gitattributes': '*.txt export-ignore\n', 'seen.txt': 'seen' });
  const checkout = await provide(start(), commit);
  expect(await text(commitTar(checkout))).toContain('seen.txt');
  await provide(start(), commit);
  expect(folders()).toEqual([mirror.split('/').at(-1)]);
});

test('what git could not read in mid-job ends that job only: the mirror is looked through before the next', async () => {
  const commit = bench.push({ 'large.bin': randomBytes(300_000).toString('latin1') });
  const mirrors = start();
  const checkout = await provide(mirrors, commit);
  await wound(packs('.pack')[0]!, async (path) => {
    const file = await open(path, 'r+');
    await file.write(Buffer.from('not what was written'), 0, 20, 150_000);
    await file.close();
  });
  await expect(text(commitTar(checkout))).rejects.toThrow(/did not finish/);
  expect(told).toEqual([]);
  expect(await text(commitTar(await provide(mirrors, commit)))).toContain('large.bin');
  expect(told).toEqual([expect.stringContaining('made anew')]);
});

test('a mirror is kept when the address, the branch or the commit is at fault', async () => {
  const mirrors = start();
  await provide(mirrors, bench.commit);
  const before = statSync(mirrorFolder()).ino;
  await expect(provide(mirrors, 'f'.repeat(40))).rejects.toThrow(/not reachable/);
  await expect(
    mirrors.provide(
      { url: bench.git.repositoryUrl('shop'), path: '', commit: 'f'.repeat(40), ref: 'none', credential: null },
      never,
    ),
  ).rejects.toThrow(/couldn't find remote ref/);
  const commit = bench.push({ 'more.txt': '1' });
  await bench.git.stop();
  await expect(provide(mirrors, commit)).rejects.toThrow(/could not be fetched/);
  expect(statSync(mirrorFolder()).ino).toBe(before);
  expect(told).toEqual([]);
});

test('a job that reads the mirror while another finds it broken reads on', async () => {
  const first = bench.push({ 'large.txt': randomBytes(6_000_000).toString('base64') });
  const mirrors = start();
  const reading = commitTar(await provide(mirrors, first));
  await new Promise((begun) => reading.once('readable', begun));
  writeFileSync(keptRef(), '');
  const commit = bench.push({ 'more.txt': '1' });
  await provide(mirrors, commit);
  expect(told).toEqual([expect.stringContaining('made anew')]);
  expect(await text(reading)).toContain('large.txt');
  expect(folders()).toHaveLength(2);
  await provide(start(), commit);
  expect(folders()).toHaveLength(1);
});

test('F41 a full disk is not the fault of the mirror; one that is broken stays until there is room for a new one', async () => {
  const volume = await makeSmallVolume(8);
  try {
    mirrorsPath = volume.path;
    const commit = await mirrorBehind();
    const before = statSync(mirrorFolder()).ino;
    volume.fill();
    await expect(provide(start(), commit)).rejects.toMatchObject({ code: 'checkout' });
    expect(told).toEqual([]);
    volume.free();
    writeFileSync(join(mirrorFolder(), 'HEAD'), '');
    volume.fill();
    await expect(provide(start(), commit)).rejects.toMatchObject({
      code: 'checkout',
      message: expect.stringContaining('could not be made'),
    });
    expect(statSync(mirrorFolder()).ino).toBe(before);
    volume.free();
    await expect(provide(start(), commit)).resolves.toMatchObject({ commit });
  } finally {
    await volume.remove();
  }
});

/** Command lines of what works in one of the mirrors. */
function gitsBelow(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const cwd = execFileSync('readlink', [`/proc/${pid}/cwd`], { stdio: 'pipe' }).toString();
        return cwd.startsWith(folder) ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')] : [];
      } catch {
        return [];
      }
    });
}
