import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CONTEXTS, prepareContext, productionFolders } from './prepare-context.mjs';

const locked: Parameters<typeof productionFolders>[0] = {
  'apps/server': {
    dependencies: { '@sluice/engine': '1', a: '1' },
    optionalDependencies: { missing: '1', present: '1' },
  },
  'apps/runner': { dependencies: { '@sluice/engine': '1', c: '1' } },
  'libs/engine': { dependencies: { b: '1' } },
  'node_modules/@sluice/engine': { resolved: 'libs/engine', link: true },
  'node_modules/a': {
    dependencies: { b: '2' },
    peerDependencies: { peer: '1', 'no-such-peer': '1' },
    peerDependenciesMeta: { 'no-such-peer': { optional: true } },
  },
  'node_modules/a/node_modules/b': { dependencies: { c: '1' } },
  'libs/engine/node_modules/b': {},
  'apps/server/node_modules/c': {},
  'node_modules/b': {},
  'node_modules/c': {},
  'node_modules/missing': {},
  'node_modules/present': {},
  'node_modules/peer': {},
  'node_modules/tool': {},
};

describe('productionFolders', () => {
  it('follows dependencies as Node does, without development tools and absent optional packages', () => {
    const folders = productionFolders(locked, 'apps/server', {
      isInstalled: (path) => path !== 'node_modules/missing',
    });
    expect(folders).toEqual([
      { from: 'apps/server', to: 'apps/server' },
      { from: 'libs/engine', to: 'node_modules/@sluice/engine' },
      { from: 'libs/engine/node_modules/b', to: 'node_modules/@sluice/engine/node_modules/b' },
      { from: 'node_modules/a', to: 'node_modules/a' },
      { from: 'node_modules/a/node_modules/b', to: 'node_modules/a/node_modules/b' },
      { from: 'node_modules/c', to: 'node_modules/c' },
      { from: 'node_modules/peer', to: 'node_modules/peer' },
      { from: 'node_modules/present', to: 'node_modules/present' },
    ]);
  });

  it('names what is not installed', () => {
    expect(() =>
      productionFolders(locked, 'apps/server', { isInstalled: (path) => path !== 'node_modules/a' }),
    ).toThrow('apps/server needs a, which is not installed; run: npm ci');
  });
});

describe('prepareContext', () => {
  let root: string;
  const write = (path: string, text = '') => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const filesBelow = (path: string) =>
    readdirSync(join(root, path), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(root, path).length + 1))
      .sort();

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'sluice-context-'));
    write('package-lock.json', JSON.stringify({ packages: locked }));
    for (const [path, { link }] of Object.entries(locked))
      if (link !== true && path !== 'node_modules/missing') write(`${path}/package.json`, '{}');
    for (const file of ['main.js', 'main.d.ts', 'main.spec.js', 'testing/fake.js', '.tsbuildinfo'])
      write(`apps/server/dist/${file}`);
    write('apps/runner/dist/main.js');
    write('libs/engine/dist/index.js');
    write('apps/web/dist/index.html');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('holds the built programs and their packages, and nothing of an earlier time', () => {
    write('docker/dist/server/old');
    for (const file of ['index.d.ts', 'index.d.mts', 'index.js.map']) write(`node_modules/a/${file}`);
    symlinkSync('package.json', join(root, 'node_modules/c/link'));
    prepareContext({ root, only: ['server', 'web'] });
    expect(filesBelow('docker/dist/server')).toEqual([
      'apps/runner/dist/main.js',
      'apps/runner/package.json',
      'apps/server/dist/main.js',
      'apps/server/package.json',
      'apps/web/dist/index.html',
      'node_modules/@sluice/engine/dist/index.js',
      'node_modules/@sluice/engine/node_modules/b/package.json',
      'node_modules/@sluice/engine/package.json',
      'node_modules/a/node_modules/b/package.json',
      'node_modules/a/package.json',
      'node_modules/c/package.json',
      'node_modules/peer/package.json',
      'node_modules/present/package.json',
    ]);
    expect(readlinkSync(join(root, 'docker/dist/server/node_modules/c/link'))).toBe('package.json');
    expect(filesBelow('docker/dist/web')).toEqual(['apps/web/dist/index.html']);
  });

  it.each(['libs/engine/dist', 'apps/web/dist'])('says how to make %s when it is missing', (path) => {
    rmSync(join(root, path), { recursive: true });
    expect(() => prepareContext({ root, only: ['server'] })).toThrow(`${path} is missing; run: npm run build`);
  });

  it('knows three images', () => {
    expect(Object.keys(CONTEXTS)).toEqual(['server', 'runner', 'web']);
    expect(() => prepareContext({ root, only: ['other'] })).toThrow(
      'there is no image "other"; use: server, runner, web',
    );
    expect(existsSync(join(root, 'docker/dist/other'))).toBe(false);
  });
});
