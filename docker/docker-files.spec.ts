import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { runnerEnvironment } from '../apps/runner/src/config.ts';
import { readConfig } from '../apps/server/src/platform/config/config.ts';
import { environmentVariables } from '../apps/server/src/platform/config/environment-variables.ts';
import { contentSecurityPolicy, securityHeaders } from '../apps/server/src/platform/http/security-headers.ts';
import { ALLOCATOR_SETTINGS } from '../libs/memory/src/allocator-settings.ts';
import { CONTEXTS } from './prepare-context.mjs';

const file = (path: string) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8');

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly environment?: Record<string, string>;
  readonly depends_on?: Record<string, { readonly condition: string }>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly networks: readonly string[] | Record<string, { aliases?: readonly string[] }>;
  readonly ports?: readonly string[];
  readonly profiles?: readonly string[];
  readonly restart: string;
  readonly user?: string;
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly command?: readonly string[];
  readonly deploy: { readonly resources: { readonly limits: { readonly cpus: string; readonly memory: string } } };
}
interface Compose {
  readonly services: Record<string, Service>;
  readonly networks: Record<string, { readonly internal?: boolean }>;
  readonly volumes: Record<string, object>;
  readonly secrets: Record<string, object>;
}

const composeText = file('compose.yaml');
const compose = parse(composeText, { merge: true }) as Compose;
const services = Object.entries(compose.services);
const ofKind = (kind: string) => services.filter(([, { image }]) => image.startsWith(`sluice/${kind}:`));
const version = (JSON.parse(file('../package.json')) as { version: string }).version;
const dockerfiles = ['server', 'runner', 'web'] as const;
const linesOf = (name: string) =>
  file(`${name}.Dockerfile`)
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n');
const environmentOf = (name: string) =>
  linesOf(name)
    .filter((line) => line.startsWith('ENV '))
    .flatMap((line) => [...line.matchAll(/([A-Z_]+)=(\S+)/g)])
    .map(([, key = '', value = '']) => [key, value] as const);
const allocator = Object.keys(ALLOCATOR_SETTINGS);

describe('compose.yaml', () => {
  it('has the parts of distributed mode', () => {
    expect(services.map(([name]) => name).sort()).toEqual([
      'postgres',
      'redis',
      'runner-1',
      'runner-2',
      's3',
      's3-bucket',
      'server-1',
      'server-2',
      'web',
    ]);
  });

  it.each(services)('%s has a pinned image, limits, networks and a restart policy', (name, service) => {
    expect(service.image).toMatch(/^[a-z0-9./-]+:[A-Za-z0-9._-]*\d+\.\d+[A-Za-z0-9._-]*$/);
    expect(service.deploy.resources.limits).toEqual({
      cpus: expect.stringMatching(/^\d/),
      memory: expect.stringMatching(/^\d+[mg]$/),
    });
    expect(service.restart).toBe(name === 's3-bucket' ? 'no' : 'unless-stopped');
    const networks = Array.isArray(service.networks) ? (service.networks as string[]) : Object.keys(service.networks);
    for (const network of networks) expect(compose.networks).toHaveProperty(network);
    for (const volume of service.volumes ?? []) {
      const [source = ''] = volume.split(':');
      if (source.startsWith('./')) expect(existsSync(fileURLToPath(new URL(source, import.meta.url)))).toBe(true);
      else if (!source.startsWith('/')) expect(compose.volumes).toHaveProperty(source);
    }
    for (const secret of service.secrets ?? []) expect(compose.secrets).toHaveProperty(secret);
  });

  it.each(services)('%s waits for things that can become ready', (_name, service) => {
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      const awaited = compose.services[other];
      if (condition === 'service_completed_successfully') expect(awaited?.restart).toBe('no');
      else {
        expect(condition).toBe('service_healthy');
        const built = awaited?.build?.dockerfile.replace('docker/', '');
        expect(awaited?.healthcheck !== undefined || (built !== undefined && file(built).includes('HEALTHCHECK'))).toBe(
          true,
        );
      }
    }
  });

  it('builds our images from their files, in the version of the repository', () => {
    for (const kind of dockerfiles) {
      expect(ofKind(kind).length).toBe(kind === 'web' ? 1 : 2);
      for (const [, service] of ofKind(kind)) {
        expect(service.image).toBe(`sluice/${kind}:${version}`);
        expect(service.build).toEqual({ context: '..', dockerfile: `docker/${kind}.Dockerfile` });
      }
      expect(file(`${kind}.Dockerfile`)).toContain(`ARG VERSION=${version}`);
    }
  });

  it('has no password of its own: every value from outside is required, and stands in .env.example', () => {
    const used = [...composeText.matchAll(/\$\{([A-Z0-9_]+)([^}]*)\}/g)];
    const example = [...file('.env.example').matchAll(/^([A-Z0-9_]+)=(.*)$/gm)];
    expect(used.length).toBeGreaterThan(10);
    for (const [, name = '', rest] of used)
      expect([name, rest]).toEqual([
        name,
        {
          SLUICE_REGISTRATION_TOKEN_1: ':-',
          SLUICE_REGISTRATION_TOKEN_2: ':-',
          SLUICE_HTTPS_PORT: ':-443',
          SLUICE_NETWORK: ':-172.31.251',
        }[name] ?? `:?set ${name} in docker/.env`,
      ]);
    const [project, ...rest] = example;
    expect(project?.[0]).toBe('COMPOSE_PROJECT_NAME=sluice');
    expect(new Set(rest.map(([, name]) => name))).toEqual(new Set(used.map(([, name]) => name)));
    expect(rest.map(([, , value]) => value).join('')).toBe('');
  });

  it('opens nothing but the proxy to the network', () => {
    expect(services.filter(([, { ports }]) => ports !== undefined).map(([name]) => name)).toEqual(['web']);
    expect(compose.networks['back']?.internal).toBe(true);
    for (const name of ['postgres', 'redis', 's3-bucket']) expect(compose.services[name]?.networks).toEqual(['back']);
    // Runners reach the blob store, and nothing else of what lies in the back.
    expect(compose.networks['blobs']?.internal).toBe(true);
    expect(compose.services['s3']?.networks).toEqual(['back', 'blobs']);
    for (const [, service] of ofKind('runner')) expect(service.networks).toEqual(['front', 'blobs']);
  });

  it('keeps a queue store that loses nothing', () => {
    expect(compose.services['redis']?.command?.join(' ')).toMatch(/--appendonly yes .*--maxmemory-policy noeviction/);
  });

  it('gives each server what the server knows, and a configuration it accepts', () => {
    const sample: Record<string, string> = {
      SLUICE_HOST: 'sluice.example.com',
      SLUICE_MASTER_KEY: 'ab'.repeat(32),
      SLUICE_NETWORK: '172.31.251',
    };
    for (const [, service] of ofKind('server')) {
      const environment = { ...Object.fromEntries(environmentOf('server')), ...service.environment };
      const ours = Object.keys(environment).filter(
        (name) => !['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'HOME', ...allocator].includes(name),
      );
      for (const name of ours) expect(environmentVariables.shape).toHaveProperty(name);
      const filled = Object.fromEntries(
        Object.entries(environment).map(([name, value]) => [
          name,
          value.replaceAll(/\$\{([A-Z0-9_]+)[^}]*\}/g, (_all, key: string) => sample[key] ?? 'x1'),
        ]),
      );
      expect(readConfig(filled, '/srv/sluice')).toMatchObject({
        mode: 'distributed',
        host: '0.0.0.0',
        port: 4000,
        runner: 'off',
        publicUrl: 'https://sluice.example.com',
        blobs: { kind: 's3', bucket: 'sluice', endpoint: 'http://s3:8333' },
        warnings: [],
      });
    }
  });

  it('gives each runner a name and a folder of its own, and what the runner knows', () => {
    const names = ofKind('runner').map(([, { environment }]) => environment?.['SLUICE_RUNNER_NAME']);
    expect(new Set(names).size).toBe(2);
    expect(new Set(ofKind('runner').map(([, { volumes }]) => volumes?.[0])).size).toBe(2);
    for (const [, service] of ofKind('runner')) {
      const environment = { ...Object.fromEntries(environmentOf('runner')), ...service.environment };
      const ours = Object.keys(environment).filter(
        (name) => !['HOME', 'NODE_ENV', 'NODE_EXTRA_CA_CERTS', ...allocator].includes(name),
      );
      for (const name of ours) expect(runnerEnvironment.shape).toHaveProperty(name);
    }
  });
});

it.each(['server', 'runner'])('the image of the %s has the allocator of our processes', (name) => {
  expect(Object.fromEntries(environmentOf(name))).toMatchObject(ALLOCATOR_SETTINGS);
});

describe('.dockerignore', () => {
  const lines = file('../.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

  it('lets in the sources that are named, nothing of this machine, and last what was prepared', () => {
    expect(lines[0]).toBe('*');
    expect(lines.at(-1)).toBe('!docker/dist');
    for (const line of lines.slice(1, -1).filter((named) => named.startsWith('!')))
      expect(existsSync(fileURLToPath(new URL(`../${line.slice(1)}`, import.meta.url)))).toBe(true);
    expect(lines).toEqual(expect.arrayContaining(['**/node_modules', '**/dist', '**/.env', '**/*.pem']));
    expect(lines.indexOf('**/.env')).toBeGreaterThan(lines.indexOf('!docker'));
  });
});

describe.each(dockerfiles)('%s.Dockerfile', (name) => {
  const lines = linesOf(name);
  const value = (keyword: string) =>
    lines.filter((line) => line.startsWith(`${keyword} `)).map((line) => line.slice(keyword.length + 1));

  it('copies only what the context holds, and of that only what its programs need', () => {
    const copies = value('COPY');
    const fromContext = copies.filter((line) => !line.startsWith('--from='));
    expect(fromContext[0]).toBe('${SOURCES} ${SOURCES}');
    expect(value('ARG')).toContain('SOURCES=.');
    for (const source of fromContext.slice(1).flatMap((line) => line.split(' ').slice(0, -1)))
      expect(existsSync(fileURLToPath(new URL(`../${source}`, import.meta.url)))).toBe(true);
    const pages = CONTEXTS[name]?.apps.length === 0 ? `${CONTEXTS[name]?.pages}/` : '';
    expect(copies.filter((line) => line.startsWith('--from='))).toEqual([
      `--from=programs /src/docker/dist/${name}/${pages} /srv/sluice/`,
    ]);
    expect(value('RUN').slice(0, 2)).toEqual([
      '[ "$SOURCES" != . ] || npm run build',
      `[ "$SOURCES" != . ] || node docker/prepare-context.mjs ${name}`,
    ]);
  });

  it('takes another base image, runs as nobody in particular, and stops when told', () => {
    expect(lines.filter((line) => /^(FROM|ARG \w+_IMAGE)/.test(line))).toEqual([
      expect.stringMatching(/^ARG BASE_IMAGE=[a-z]+:\d/),
      expect.stringMatching(/^ARG BUILD_IMAGE=node:24-/),
      'FROM ${BUILD_IMAGE} AS programs',
      'FROM ${BASE_IMAGE}',
    ]);
    expect(value('USER')).toEqual(['10001:10001']);
    expect(value('STOPSIGNAL')).toEqual([name === 'web' ? 'SIGQUIT' : 'SIGTERM']);
    expect(value('CMD')).toEqual([expect.stringMatching(/^\[".*"\]$/)]);
    expect(value('HEALTHCHECK')).toEqual([expect.stringMatching(/ CMD \["/)]);
  });

  it('starts the program of its context', () => {
    const [app] = CONTEXTS[name]?.apps ?? [];
    if (app === undefined) expect(value('CMD')[0]).toContain('nginx');
    else {
      expect(value('CMD')).toEqual([`["node", "${app}/dist/main.js"]`]);
      expect(existsSync(fileURLToPath(new URL(`../${app}/src/main.ts`, import.meta.url)))).toBe(true);
    }
  });
});

describe('the proxy', () => {
  const headers = new Map(
    [...file('proxy/headers.conf').matchAll(/^add_header (\S+) (?:"([^"]*)"|(\S+)) always;$/gm)].map(
      ([, name = '', text, variable]) => [name.toLowerCase(), text ?? variable],
    ),
  );

  it('sends the headers that the server sends with its pages', () => {
    const sent = securityHeaders('id', true);
    expect(Object.fromEntries(headers)).toEqual({
      ...Object.fromEntries(Object.entries(sent).filter(([name]) => name !== 'x-request-id')),
      'content-security-policy': contentSecurityPolicy('$request_id'),
      'strict-transport-security': '$strict_transport',
    });
    expect(file('proxy/nginx.conf')).toContain(`https "${sent['strict-transport-security']}";`);
  });

  it('holds back neither events nor logs on their way', () => {
    expect(file('proxy/to-servers.conf')).toMatch(/^proxy_buffering off;$/m);
    expect(file('proxy/nginx.conf')).toMatch(
      /location ~ \^\/\(api\|hooks\)\(\/\|\$\) \{\s+include \/etc\/nginx\/sluice\/to-servers\.conf;/,
    );
  });
});
