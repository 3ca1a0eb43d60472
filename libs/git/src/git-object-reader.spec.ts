import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gitEnvironment } from './git-command.ts';
import { GitObjectReader } from './git-object-reader.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-git-objects-'));
const env = gitEnvironment(folder);
const run = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', ...args], {
    cwd: folder,
    env,
    encoding: 'utf8',
  }).trim();
const big = 'x'.repeat(300_000);
const read = (reader: GitObjectReader, name: string, most = 1_000_000) => reader.read(name, most);

beforeAll(() => {
  run('init', '--quiet', '--initial-branch=main');
  writeFileSync(join(folder, 'small'), 'one\ntwo');
  writeFileSync(join(folder, 'empty'), '');
  writeFileSync(join(folder, 'big'), big);
  run('add', '--all');
  run('commit', '--quiet', '-m', 'first');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('GitObjectReader', () => {
  it('answers many questions at once, each with its own object', async () => {
    const reader = new GitObjectReader({ cwd: folder, env });
    const names = ['HEAD:small', 'HEAD:none', 'HEAD:big', 'HEAD:empty', 'refs/heads/main^{commit}', 'HEAD:small'];
    const found = await Promise.all(names.map((name) => read(reader, name)));
    expect(found.map((object) => object?.type)).toEqual(['blob', undefined, 'blob', 'blob', 'commit', 'blob']);
    expect(found.map((object) => object?.content?.length)).toEqual([7, undefined, 300_000, 0, expect.any(Number), 7]);
    expect(found[0]?.content?.toString()).toBe('one\ntwo');
    expect(found[2]?.content?.toString()).toBe(big);
    expect(found[4]?.id).toBe(run('rev-parse', 'HEAD'));
  });

  it('A31: leaves out what is larger than asked for, and goes on', async () => {
    const reader = new GitObjectReader({ cwd: folder, env });
    const [large, small] = await Promise.all([read(reader, 'HEAD:big', 299_999), read(reader, 'HEAD:small', 7)]);
    expect(large).toMatchObject({ type: 'blob', size: 300_000, content: undefined });
    expect(small?.content?.toString()).toBe('one\ntwo');
  });

  it('takes no line break as part of a name: what follows would be a question of its own', async () => {
    const reader = new GitObjectReader({ cwd: folder, env });
    expect(await read(reader, 'HEAD:small\nHEAD:big')).toBeNull();
    expect(await read(reader, '')).toBeNull();
    expect((await read(reader, 'HEAD:small'))?.size).toBe(7);
  });

  it('sees commits that come while it waits, and asks a new process after it was idle', async () => {
    const reader = new GitObjectReader({ cwd: folder, env }, { idleMs: 30 });
    const before = await read(reader, 'refs/heads/main^{commit}');
    run('commit', '--quiet', '--allow-empty', '-m', 'second');
    const after = await read(reader, 'refs/heads/main^{commit}');
    expect(after?.id).toBe(run('rev-parse', 'HEAD'));
    expect(after?.id).not.toBe(before?.id);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await read(reader, 'HEAD:small'))?.size).toBe(7);
  });

  it('rejects what is under way when git dies or falls silent, and answers the next question', async () => {
    const bin = mkdtempSync(join(folder, 'bin-'));
    const broken = { ...env, PATH: `${bin}${delimiter}${env['PATH']}` };
    const fake = (script: string) => {
      writeFileSync(join(bin, 'git'), `#!/bin/sh\n${script}\n`);
      chmodSync(join(bin, 'git'), 0o755);
    };
    const reader = new GitObjectReader({ cwd: folder, env: broken }, { answerMs: 300 });
    fake('read -r name; exit 3');
    await expect(Promise.all([read(reader, 'HEAD:small'), read(reader, 'HEAD:big')])).rejects.toThrow('ended with 3');
    fake('exec sleep 60');
    await expect(read(reader, 'HEAD:small')).rejects.toThrow('git cat-file ended');
    rmSync(join(bin, 'git'));
    expect((await read(reader, 'HEAD:small'))?.size).toBe(7);
  });
});
