#!/usr/bin/env node
// node docker/prepare-context.mjs
//
// Collects what the three images hold below docker/dist: the programs that `npm run build` made and, of node_modules, only what
// they need in production. The Dockerfiles run it after a build of their own; run on this machine first, and with
// --build-arg SOURCES=docker/dist/server, building an image needs no registry of packages. Builtins only, Node 20 or newer.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/**
 * What each image gets. `apps` bring their production dependencies; `pages` is the built web page. The server can start a runner
 * of its own, so its image has that program too.
 *
 * @type {Readonly<Record<string, { readonly apps: readonly string[]; readonly pages?: string }>>}
 */
export const CONTEXTS = {
  server: { apps: ['apps/server', 'apps/runner'], pages: 'apps/web/dist' },
  runner: { apps: ['apps/runner'] },
  web: { apps: [], pages: 'apps/web/dist' },
};

/**
 * @typedef {{ readonly resolved?: string; readonly link?: boolean; readonly dependencies?: Record<string, string>;
 *   readonly optionalDependencies?: Record<string, string>; readonly peerDependencies?: Record<string, string>;
 *   readonly peerDependenciesMeta?: Record<string, { readonly optional?: boolean }> }} LockedPackage
 * @typedef {Readonly<Record<string, LockedPackage>>} LockedPackages
 */

/**
 * The folders that a program needs at run time, as the lock file has them: packages (`node_modules/a`), and workspaces (`libs/b`)
 * with the place of their link. Throws when a package that is not optional is not installed.
 *
 * @param {LockedPackages} locked
 * @param {string} app such as `apps/server`
 * @param {{ readonly isInstalled: (path: string) => boolean }} options
 * @returns {{ readonly from: string; readonly to: string }[]} sorted by `to`
 */
export function productionFolders(locked, app, { isInstalled }) {
  /** @type {Map<string, string>} folder -> place in the image */
  const places = new Map();
  /** @param {string} folder @param {string} to */
  const visit = (folder, to) => {
    if (places.has(folder)) return;
    places.set(folder, to);
    const {
      dependencies = {},
      optionalDependencies = {},
      peerDependencies = {},
      peerDependenciesMeta = {},
    } = locked[folder] ?? {};
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      const isOptional =
        name in optionalDependencies || (!(name in dependencies) && peerDependenciesMeta[name]?.optional === true);
      const path = whereIs(locked, folder, name);
      const target = path === undefined ? undefined : locked[path]?.link ? locked[path].resolved : path;
      if (path === undefined || target === undefined || !isInstalled(target)) {
        if (isOptional) continue;
        throw new Error(`${folder} needs ${name}, which is not installed; run: npm ci`);
      }
      // A workspace stands where its link stood; what lies in its own node_modules moves along.
      const owner = [...places].find(
        ([from]) => path.startsWith(`${from}/node_modules/`) && !from.includes('node_modules'),
      );
      visit(target, owner === undefined ? path : owner[1] + path.slice(owner[0].length));
    }
  };
  visit(app, app);
  return [...places].map(([from, to]) => ({ from, to })).sort((a, b) => (a.to < b.to ? -1 : 1));
}

/**
 * As Node looks for it: in the folder's own node_modules, then in those of the folders above.
 *
 * @param {LockedPackages} locked
 * @param {string} folder
 * @param {string} name
 * @returns {string | undefined}
 */
function whereIs(locked, folder, name) {
  for (let at = folder; ; at = dirname(at)) {
    const path = at === '.' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (basename(at) !== 'node_modules' && path in locked) return path;
    if (at === '.') return undefined;
  }
}

/**
 * @param {{ readonly root?: string; readonly target?: string; readonly only?: readonly string[]; readonly report?: (line: string) => void }} [options]
 */
export function prepareContext({
  root = ROOT,
  target = join(root, 'docker', 'dist'),
  only = Object.keys(CONTEXTS),
  report = () => undefined,
} = {}) {
  /** @type {LockedPackages} */
  const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  for (const name of only) {
    const context = CONTEXTS[name];
    if (context === undefined) throw new Error(`there is no image "${name}"; use: ${Object.keys(CONTEXTS).join(', ')}`);
    const into = join(target, name);
    rmSync(into, { recursive: true, force: true });
    mkdirSync(into, { recursive: true });
    const isInstalled = (/** @type {string} */ path) => existsSync(join(root, path, 'package.json'));
    const folders = new Map(
      context.apps.flatMap((app) => productionFolders(locked, app, { isInstalled }).map(({ from, to }) => [to, from])),
    );
    for (const [to, from] of folders)
      (from.includes('node_modules') ? copyPackage : copyWorkspace)(join(root, from), join(into, to));
    const packages = folders.size - context.apps.length;
    if (context.pages !== undefined) {
      if (!existsSync(join(root, context.pages, 'index.html')))
        throw new Error(`${context.pages} is missing; run: npm run build`);
      cpSync(join(root, context.pages), join(into, context.pages), { recursive: true });
    }
    report(`docker/dist/${name}: ${context.apps.length === 0 ? 'pages' : `${packages} packages`}`);
  }
}

/**
 * Without what only editors and debuggers read, and without its nested node_modules: each package there is copied by its own name,
 * if it is needed. Links stay links: PostgreSQL's libraries would be there twice otherwise.
 *
 * @param {string} from @param {string} to
 */
function copyPackage(from, to) {
  const nested = join(from, 'node_modules');
  cpSync(from, to, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) =>
      path !== nested && !path.startsWith(nested + sep) && !/\.(d\.[cm]?ts|[cm]?[jt]s\.map)$/.test(path),
  });
}

/** What the build made, without tests and type declarations. @param {string} from @param {string} to */
function copyWorkspace(from, to) {
  const dist = join(from, 'dist');
  if (!existsSync(dist)) throw new Error(`${dist} is missing; run: npm run build`);
  cpSync(join(from, 'package.json'), join(to, 'package.json'));
  cpSync(dist, join(to, 'dist'), {
    recursive: true,
    filter: (path) => !/(\.(spec\.(js|js\.map)|d\.ts|tsbuildinfo)|[/\\]testing)$/.test(path),
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    prepareContext({
      only: process.argv.length > 2 ? process.argv.slice(2) : Object.keys(CONTEXTS),
      report: (line) => process.stdout.write(`${line}\n`),
    });
  } catch (error) {
    process.stderr.write(`prepare-context: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}
