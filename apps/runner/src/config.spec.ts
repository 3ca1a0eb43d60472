import { expect, test } from 'vitest';
import { readRunnerConfig } from './config.ts';

const good = { SLUICE_URL: 'https://sluice.example.com/', SLUICE_REGISTRATION_TOKEN: 'token' };

test('defaults', () => {
  const read = readRunnerConfig(good, 'host-7');
  expect(read).toMatchObject({
    ok: true,
    config: {
      name: 'host-7',
      workDir: '.sluice-runner',
      slots: 2,
      gitHttpOrigins: [],
      jobNetwork: 'open',
      jobSubnets: '198.19.0.0/16',
      jobMetadata: 'denied',
      nameServers: [],
      imageBuilder: 'auto',
      logLevel: 'info',
    },
  });
  if (read.ok) expect(read.config.serverUrl.href).toBe('https://sluice.example.com/');
});

test('all problems are told at once, each with the name of its variable and a remedy', () => {
  const read = readRunnerConfig(
    {
      SLUICE_URL: 'http://sluice.example.com',
      SLUICE_RUNNER_SLOTS: 'many',
      SLUICE_GIT_ALLOW_ORIGINS: 'http://a/b',
      DOCKER_HOST: '/var/run/docker.sock',
      SLUICE_LOG_LEVEL: 'loud',
    },
    'h',
  );
  expect(read).toEqual({
    ok: false,
    problems: [
      'SLUICE_URL must use https: plain http is allowed to this machine (127.0.0.1, ::1, localhost) only.',
      'SLUICE_RUNNER_SLOTS must be a number from 1 to 200.',
      'SLUICE_GIT_ALLOW_ORIGINS holds "http://a/b", which is no plain http origin: write it like http://127.0.0.1:4080.',
      'DOCKER_HOST must begin with unix:///, tcp:// or ssh://.',
      'SLUICE_LOG_LEVEL must be fatal, error, warn, info, debug or silent.',
    ],
  });
});

test.each([
  [{}, 'SLUICE_URL is missing'],
  [{ ...good, SLUICE_URL: 'ftp://x' }, 'SLUICE_URL is no web address'],
  [{ ...good, SLUICE_URL: 'https://u:p@x' }, 'must not hold a password'],
  [{ ...good, DOCKER_HOST: 'tcp://10.0.0.1:2375' }, 'DOCKER_HOST reaches another machine without TLS'],
  [{ ...good, SLUICE_RUNNER_JOB_SUBNETS: '10.0.0.0/30' }, 'SLUICE_RUNNER_JOB_SUBNETS must be a range of /8 to /26'],
  [{ ...good, SLUICE_RUNNER_JOB_METADATA: 'off' }, 'SLUICE_RUNNER_JOB_METADATA must be "denied" or "open"'],
  [{ ...good, SLUICE_RUNNER_DNS: '10.0.0.2, dns.example.com' }, 'holds "dns.example.com", which is no IPv4 address'],
  [
    { ...good, SLUICE_RUNNER_DNS: '169.254.169.254' },
    'SLUICE_RUNNER_DNS holds 169.254.169.254, which jobs cannot reach',
  ],
  [{ ...good, SLUICE_RUNNER_HELPER_IMAGE: '-v' }, 'SLUICE_RUNNER_HELPER_IMAGE must be the name of an image'],
  [{ ...good, SLUICE_RUNNER_IMAGE_BUILDER: 'kaniko' }, 'must be "auto", "buildkit" or "classic"'],
  [
    { ...good, SLUICE_RUNNER_IMAGE_BUILDER: 'buildkit', SLUICE_RUNNER_HELPER_IMAGE: 'busybox' },
    'SLUICE_RUNNER_IMAGE_BUILDER cannot be buildkit with SLUICE_RUNNER_HELPER_IMAGE',
  ],
  [{ ...good, SLUICE_RUNNER_SLOTS: '0' }, 'SLUICE_RUNNER_SLOTS must be at least 1'],
])('%j is refused', (env, problem) => {
  const read = readRunnerConfig(env, 'h');
  expect(read.ok ? [] : read.problems.join(' ')).toContain(problem);
});

test.each(['http://127.0.0.1:4000', 'http://localhost:4000', 'http://[::1]:4000', 'https://10.0.0.1'])(
  '%s is a good server address',
  (url) => {
    expect(readRunnerConfig({ ...good, SLUICE_URL: url }, 'h').ok).toBe(true);
  },
);

test('an empty variable counts as absent', () => {
  expect(readRunnerConfig({ ...good, SLUICE_RUNNER_TOKEN_FILE: '', DOCKER_HOST: '' }, 'h')).toMatchObject({ ok: true });
});
