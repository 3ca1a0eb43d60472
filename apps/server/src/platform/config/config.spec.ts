import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from './config.ts';
import { configurationPage } from './configuration-page.ts';

const at = '/srv/sluice';
const problemsOf = (environment: Record<string, string>): readonly string[] => {
  try {
    readConfig(environment, at);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

describe('readConfig', () => {
  it('needs nothing: an empty environment is a standalone server', () => {
    const config = readConfig({}, at);
    expect(config).toMatchObject({
      mode: 'standalone',
      port: 4000,
      host: '127.0.0.1',
      publicUrl: 'http://localhost:4000',
      dataFolder: '/srv/sluice/.sluice',
      runner: 'embedded',
    });
    expect(config.blobs).toEqual({ kind: 'folder', folder: '/srv/sluice/.sluice/blobs' });
    expect(config.masterKey).toEqual({ kind: 'file', path: '/srv/sluice/.sluice/master.key', generate: true });
  });

  it('is distributed with DATABASE_URL, and then starts no runner and makes no key', () => {
    const config = readConfig(
      { DATABASE_URL: 'postgres://u:p@db/sluice', SLUICE_MASTER_KEY_FILE: '/run/secrets/key' },
      at,
    );
    expect(config).toMatchObject({
      mode: 'distributed',
      runner: 'off',
      masterKey: { kind: 'file', path: '/run/secrets/key', generate: false },
    });
  });

  it('reports all bad variables together, each with a remedy and none with its value', () => {
    const problems = problemsOf({
      PORT: 'abc',
      REDIS_URL: 'http://hunter2',
      SLUICE_RUNNER: 'maybe',
      LOG_LEVEL: 'loud',
      DATABASE_URL: 'postgres://u:hunter2@db/x',
    });
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'PORT',
      'REDIS_URL',
      'SLUICE_RUNNER',
      'LOG_LEVEL',
      'SLUICE_MASTER_KEY',
    ]);
    expect(problems.join()).not.toContain('hunter2');
    expect(problems[0]).toBe('PORT: write a whole number from 0 to 65535.');
  });

  it.each([
    [{ PUBLIC_URL: 'https://host/path' }, /PUBLIC_URL: write only scheme/],
    [{ PUBLIC_URL: 'ftp://host' }, /PUBLIC_URL/],
    [{ SLUICE_GIT_ALLOW_ORIGINS: 'http://127.0.0.1:4010/' }, /without path/],
    [{ SLUICE_GIT_ALLOW_ORIGINS: 'file:///etc' }, /SLUICE_GIT_ALLOW_ORIGINS/],
    [{ SLUICE_TRUSTED_PROXIES: '0.0.0.0/0' }, /SLUICE_TRUSTED_PROXIES: .*not the whole internet/],
    [{ SLUICE_TRUSTED_PROXIES: 'proxy.example.com' }, /SLUICE_TRUSTED_PROXIES: write addresses/],
    [{ SLUICE_TRUSTED_PROXIES: '10.0.0.0/33' }, /SLUICE_TRUSTED_PROXIES/],
    [{ SLUICE_MASTER_KEY: 'short' }, /32 random bytes/],
    [{ SLUICE_BLOB_URL: 'gs://bucket' }, /SLUICE_BLOB_URL/],
    [{ SLUICE_FAILPOINTS: 'a=exit', NODE_ENV: 'production' }, /refused when NODE_ENV=production/],
    [{ SLUICE_LEASE_SECONDS: '10', SLUICE_LEASE_RENEW_SECONDS: '6' }, /at most 5/],
    [{ SLUICE_MASTER_KEY: 'ab'.repeat(32), SLUICE_MASTER_KEY_FILE: 'x' }, /remove one/],
  ])('refuses %j', (environment, expected) => {
    expect(problemsOf(environment)).toEqual([expect.stringMatching(expected)]);
  });

  it('reads an S3 place', () => {
    expect(
      readConfig({ SLUICE_BLOB_URL: 's3://bucket/some/prefix?endpoint=http://127.0.0.1:9000&region=eu-1' }, at).blobs,
    ).toEqual({
      kind: 's3',
      bucket: 'bucket',
      prefix: 'some/prefix',
      endpoint: 'http://127.0.0.1:9000',
      region: 'eu-1',
    });
  });

  it('warns of a misspelt variable', () => {
    expect(readConfig({ SLUICE_DTAA: 'x' }, at).warnings).toEqual([expect.stringContaining('SLUICE_DTAA')]);
  });
});

it('keeps docs/reference/configuration.md current', async () => {
  await expect(configurationPage()).toMatchFileSnapshot(
    fileURLToPath(new URL('../../../../../docs/reference/configuration.md', import.meta.url)),
  );
});
