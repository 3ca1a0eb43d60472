import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { git, gitEnvironment, gitStream, type GitAccess } from './git-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-git-'));
const home = join(folder, 'home');
const asked: IncomingMessage[] = [];
let server: Server;
let port: number;

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request);
    if (request.url?.startsWith('/moved'))
      response
        .writeHead(302, { Location: `http://127.0.0.1:${port}/elsewhere/info/refs?service=git-upload-pack` })
        .end();
    else response.writeHead(404).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

const signal = () => AbortSignal.timeout(20_000);
const run = (args: readonly string[], env: Record<string, string>) => git(args, { cwd: folder, env, signal: signal() });
const settingsOf = (env: Record<string, string>) =>
  new Map(
    Array.from({ length: Number(env['GIT_CONFIG_COUNT']) }, (_, at) => [
      env[`GIT_CONFIG_KEY_${at}`],
      env[`GIT_CONFIG_VALUE_${at}`],
    ]),
  );
const http = (more: Partial<GitAccess> = {}): GitAccess => ({
  transport: 'http',
  origin: `http://127.0.0.1:${port}`,
  credential: null,
  ...more,
});

describe('gitEnvironment', () => {
  it('A30: takes no settings of the machine or the user', async () => {
    const env = gitEnvironment(home);
    writeFileSync(join(folder, 'gitconfig'), '[user]\n\tname = Somebody\n');
    const { stdout } = await run(['config', '--list'], env);
    expect(stdout).not.toContain('user.name');
    expect(stdout).toContain('core.hookspath=/dev/null');
    expect(stdout).toContain('core.fsmonitor=false');
    expect(env['HOME']).toBe(home);
    expect(Object.keys(env).filter((name) => /^(SSH|GIT_SSH|GIT_EXEC|GIT_DIR|GIT_ASKPASS)/.test(name))).toEqual([]);
  });

  it.each([
    'ext::sh -c touch% ran',
    'EXT::sh -c touch% ran',
    'fd::17',
    'file:///etc',
    '/srv/other.git',
    'git://127.0.0.1:1/x',
    'ssh://git@127.0.0.1:1/x',
  ])('A19-A21: git itself refuses %s where plain http was allowed', async (address) => {
    const { exitCode, stderr } = await run(['ls-remote', '--', address], gitEnvironment(home, http()));
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/not allowed|protocol|does not appear to be a git repository/i);
    expect(existsSync(join(folder, 'ran'))).toBe(false);
  });

  it('A19: what begins with a dash is an address behind `--`, never an option', async () => {
    const { exitCode } = await run(['ls-remote', '--', '--upload-pack=touch ran'], gitEnvironment(home, http()));
    expect(exitCode).not.toBe(0);
    expect(existsSync(join(folder, 'ran'))).toBe(false);
  });

  it('allows no transport at all without an access', async () => {
    const { exitCode, stderr } = await run(['ls-remote', '--', `http://127.0.0.1:${port}/x`], gitEnvironment(home));
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('not allowed');
  });

  it('A23: connects to the addresses that were looked at and asks no name server', async () => {
    const access = http({
      origin: `http://rebind.invalid:${port}`,
      pinned: { host: 'rebind.invalid', port, addresses: ['127.0.0.1'] },
    });
    asked.length = 0;
    const { exitCode, stderr } = await run(
      ['ls-remote', '--', `http://rebind.invalid:${port}/pinned`],
      gitEnvironment(home, access),
    );
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('not found');
    expect(asked.map((request) => request.headers.host)).toEqual([`rebind.invalid:${port}`]);
  });

  it('A23: holds ssh to the address too, with the host key of the name', () => {
    const access: GitAccess = {
      transport: 'ssh',
      origin: 'null',
      credential: null,
      pinned: { host: 'git.example.com', port: 22, addresses: ['192.0.2.7'] },
    };
    const command = settingsOf(gitEnvironment(home, access)).get('core.sshCommand');
    expect(command).toContain("-o 'HostName=192.0.2.7' -o 'HostKeyAlias=git.example.com'");
    expect(command).toContain('StrictHostKeyChecking=yes');
    const elsewhere = settingsOf(
      gitEnvironment(home, { ...access, pinned: { host: 'git.example.com', port: 2222, addresses: ['192.0.2.7'] } }),
    );
    expect(elsewhere.get('core.sshCommand')).toContain("'HostKeyAlias=[git.example.com]:2222'");
  });

  it('A24: follows no redirect', async () => {
    asked.length = 0;
    const { exitCode } = await run(['ls-remote', '--', `http://127.0.0.1:${port}/moved`], gitEnvironment(home, http()));
    expect(exitCode).not.toBe(0);
    expect(asked.map((request) => request.url)).toEqual(['/moved/info/refs?service=git-upload-pack']);
  });

  it('A25: sends the credential as a header to its own origin, and puts it into no argument or message', async () => {
    asked.length = 0;
    const env = gitEnvironment(home, http({ credential: { username: 'bot', password: 'p4ss' } }));
    const { stderr } = await run(['ls-remote', '--', `http://127.0.0.1:${port}/private`], env);
    expect(asked[0]?.headers.authorization).toBe(`Basic ${Buffer.from('bot:p4ss').toString('base64')}`);
    expect(stderr).not.toContain('p4ss');
    asked.length = 0;
    const other = gitEnvironment(
      home,
      http({ origin: 'http://other.invalid', credential: { username: 'bot', password: 'p4ss' } }),
    );
    await run(['ls-remote', '--', `http://127.0.0.1:${port}/private`], other);
    expect(asked[0]?.headers.authorization).toBeUndefined();
  });
});

describe('git', () => {
  it('gives exit code and output as values', async () => {
    const env = gitEnvironment(home);
    expect(await run(['version'], env)).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^git version /) });
    expect(await run(['no-such-command'], env)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('no-such-command'),
    });
  });

  it('ends with its signal', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    const { port: silentPort } = silent.address() as AddressInfo;
    const stop = new AbortController();
    silent.once('request', () => stop.abort(new Error('enough')));
    const env = gitEnvironment(home, http({ origin: `http://127.0.0.1:${silentPort}` }));
    await expect(
      git(['ls-remote', '--', `http://127.0.0.1:${silentPort}/x`], { cwd: folder, env, signal: stop.signal }),
    ).rejects.toThrow('enough');
    silent.closeAllConnections();
    silent.close();
  });

  it('a stream of a git that fails ends with an error', async () => {
    const env = gitEnvironment(home);
    expect(await text(gitStream(['version'], { cwd: folder, env, signal: signal() }))).toMatch(/^git version/);
    await expect(
      text(gitStream(['cat-file', 'blob', 'f'.repeat(40)], { cwd: folder, env, signal: signal() })),
    ).rejects.toThrow(/did not finish/);
  });
});
