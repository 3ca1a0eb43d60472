import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '@sluice/testing';
import { claimDataFolder, DataFolderInUseError } from './claim-data-folder.ts';
import { embeddedBinaries } from './embedded-binaries.ts';
import { nobodyLaunch } from './embedded-launch.ts';
import { EmbeddedPostgres } from './embedded-postgres.ts';
import { identify } from './process-identity.ts';

const HOLDER = fileURLToPath(new URL('./testing/hold-data-folder.ts', import.meta.url));
let folder: string;
const running: EmbeddedPostgres[] = [];
const children: ChildProcess[] = [];

beforeEach(() => {
  // mkdtemp makes it 0700, as a clone in a private folder would be.
  folder = mkdtempSync(join(tmpdir(), 'sluice embedded-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const postgres of running.splice(0)) await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

const start = async (options: Partial<Parameters<typeof EmbeddedPostgres.start>[0]> = {}) => {
  const postgres = await EmbeddedPostgres.start({ folder, durable: false, ...options });
  running.push(postgres);
  return postgres;
};
async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<unknown[]>({ text: sql, rowMode: 'array' })).rows[0]?.[0];
  } finally {
    await client.end();
  }
}
/** Starts a stand-in server process; `lines` grows while it runs. */
function holder(): { child: ChildProcess; lines: string[] } {
  const child = spawn(process.execPath, [HOLDER, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const lines: string[] = [];
  let rest = '';
  child.stdout!.on('data', (data: Buffer) => {
    const parts = (rest + data.toString()).split('\n');
    rest = parts.pop()!;
    lines.push(...parts);
  });
  return { child, lines };
}

describe('embedded PostgreSQL', { timeout: 120_000 }, () => {
  it('starts below a folder with mode 0700, keeps data over a stop, and answers on 127.0.0.1 with a password only', async () => {
    const first = await start();
    expect(first.adopted).toBe(false);
    await ask(first.url, 'create table kept (n int)');
    const wrong = first.url.replace(/:[0-9a-f]{48}@/, ':wrong@');
    expect(wrong).not.toBe(first.url);
    await expect(ask(wrong, 'select 1')).rejects.toThrow(/password authentication failed/);
    await first.stop();
    expect(identify(first.pid)).toBeUndefined();
    const second = await start();
    expect(await ask(second.url, 'select count(*)::int from kept')).toBe(0);
    expect(new URL(second.url).hostname).toBe('127.0.0.1');
  });

  it('adopts a postmaster that lives, and can stop it', async () => {
    const first = await start();
    const again = await start();
    expect(again).toMatchObject({ adopted: true, pid: first.pid, url: first.url });
    await again.stop();
    expect(identify(first.pid)).toBeUndefined();
  });

  it('takes a process id in postmaster.pid that belongs to a stranger for what it is', async () => {
    const first = await start();
    const file = join(folder, 'postgres/cluster/postmaster.pid');
    const lines = readFileSync(file, 'utf8').split('\n');
    process.kill(first.pid, 'SIGKILL');
    await eventually(() => identify(first.pid) === undefined);
    writeFileSync(file, [String(process.pid), ...lines.slice(1)].join('\n'));
    const second = await start();
    expect(second.adopted).toBe(false);
    expect(await ask(second.url, 'select 1')).toBe(1);
  });

  it('begins anew after a set-up that was killed half way', async () => {
    mkdirSync(join(folder, 'postgres/cluster.new/base'), { recursive: true });
    writeFileSync(join(folder, 'postgres/cluster.new/PG_VERSION'), '18');
    const postgres = await start();
    expect(await ask(postgres.url, 'select 1')).toBe(1);
    expect(existsSync(join(folder, 'postgres/cluster.new'))).toBe(false);
  });

  it('says in one sentence where the log is when PostgreSQL cannot start', async () => {
    const first = await start();
    await first.stop();
    rmSync(join(folder, 'postgres/cluster/global'), { recursive: true });
    await expect(start()).rejects.toThrow(/did not start; its log .*postgres\.log ends with/);
  });

  it('where user namespaces are refused, runs as nobody from a folder that nobody can reach', async ({ skip }) => {
    skip(process.getuid?.() !== 0, 'only root can start a program as nobody');
    const outside = mkdtempSync(join(tmpdir(), 'sluice-outside-'));
    try {
      const launch = nobodyLaunch(join(folder, 'postgres'), await embeddedBinaries(), outside);
      const postgres = await start({ launch });
      expect(await ask(postgres.url, 'select 1')).toBe(1);
      expect(readFileSync(`/proc/${postgres.pid}/status`, 'utf8')).toMatch(/^Uid:\s+65534/m);
      expect((await start({ launch })).adopted).toBe(true);
      await postgres.stop();
    } finally {
      rmSync(outside, { recursive: true, force: true });
    }
  });

  it('F42 server and PostgreSQL killed again and again: no acknowledged row is lost, and every start succeeds', async () => {
    const acknowledged: number[] = [];
    const kept = (url: string) =>
      ask(url, `select count(*)::int from acknowledged where id = any('{${acknowledged.join()}}')`);
    for (let round = 0; round < 5; round += 1) {
      const { child, lines } = holder();
      await eventually(() => lines.length > 20 || lines[0]?.startsWith('refused'), {
        timeoutMs: 30_000,
        describe: 'rows being written',
      });
      const [word, pid, how, url] = lines[0]!.split(' ');
      expect([word, how]).toEqual(['ready', 'started']);
      expect(await kept(url!)).toBe(acknowledged.length);
      child.kill('SIGKILL');
      process.kill(Number(pid), 'SIGKILL');
      await eventually(() => child.signalCode !== null && identify(Number(pid)) === undefined);
      for (const line of lines) if (line.startsWith('wrote ')) acknowledged.push(Number(line.slice(6)));
    }
    const last = await EmbeddedPostgres.start({ folder });
    running.push(last);
    expect(acknowledged.length).toBeGreaterThan(100);
    expect(await kept(last.url)).toBe(acknowledged.length);
  }, 180_000);

  it('F43 a second server on the same folder refuses, naming process and folder; the first is unharmed', async () => {
    const first = holder();
    await eventually(() => first.lines.length > 1, { timeoutMs: 30_000 });
    const second = holder();
    await eventually(() => second.lines.length > 0, { timeoutMs: 30_000 });
    expect(second.lines[0]).toBe(
      `refused Another Sluice server (process ${first.child.pid}) already uses the data folder ${folder}; stop it, or set SLUICE_DATA to another folder.`,
    );
    const before = first.lines.length;
    await eventually(() => first.lines.length > before);
    first.child.kill('SIGKILL');
    await eventually(() => first.child.signalCode !== null);
    const third = holder();
    await eventually(() => third.lines.length > 1, { timeoutMs: 30_000 });
    expect(third.lines[0]).toMatch(/^ready \d+ adopted/);
    third.child.kill('SIGKILL');
    process.kill(Number(third.lines[0]!.split(' ')[1]), 'SIGINT');
  }, 120_000);
});

describe('claim of a data folder', () => {
  it('a data folder that cannot be written is said in one sentence', () => {
    const file = join(folder, 'a file');
    writeFileSync(file, '');
    expect(() => claimDataFolder(join(file, 'data'))).toThrow(
      `The data folder ${join(file, 'data')} cannot be written (ENOTDIR); set SLUICE_DATA to a folder`,
    );
  });

  it('is refused while another process holds it and free after its release', () => {
    const claim = claimDataFolder(folder, process.ppid);
    expect(() => claimDataFolder(folder)).toThrow(DataFolderInUseError);
    expect(() => claimDataFolder(folder)).toThrow(new RegExp(`process ${process.ppid}\\)`));
    claim.release();
    claimDataFolder(folder).release();
    expect(existsSync(join(folder, 'server.pid'))).toBe(false);
  });

  it.each([
    ['of a process that ended', JSON.stringify({ pid: 4_194_303, started: 'x' })],
    ['whose process id has a new owner', JSON.stringify({ pid: process.ppid, started: 'another:1' })],
    ['that was written half', '{"pid":'],
    ['that is empty', ''],
  ])('F43 a claim %s counts for nothing', (_, text) => {
    writeFileSync(join(folder, 'server.pid'), text);
    const claim = claimDataFolder(folder);
    expect(JSON.parse(readFileSync(join(folder, 'server.pid'), 'utf8'))).toMatchObject({ pid: process.pid });
    claim.release();
  });
});
