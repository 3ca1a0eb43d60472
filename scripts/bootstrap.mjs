#!/usr/bin/env node
// node scripts/bootstrap.mjs TASK [args]
//
// The one way into the workspace. It needs only Node 20 and npm: it installs the locked packages when the lock file and
// node_modules differ, then runs scripts/tasks/TASK.ts with the Node version that the lock file pins.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runChild } from './run-child.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(root, 'node_modules');
const bin = join(modules, '.bin');
const pinnedNode = join(modules, 'node', 'bin', 'node');
const stampFile = join(modules, '.sluice-install');

/** Fields of a package.json that decide what an install puts into node_modules; a changed script is no reason to install. */
const installFields = ['name', 'version', 'bin', 'workspaces', 'overrides', 'allowScripts'].concat([
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
]);

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`bootstrap: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}

/** @param {string[]} argv */
async function main([task, ...args]) {
  const tasks = readdirSync(join(root, 'scripts', 'tasks'))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -3));
  if (task === undefined || !tasks.includes(task)) {
    const problem = task === undefined ? 'no task was named' : `there is no task "${task}"`;
    throw new Error(`${problem}; use: node scripts/bootstrap.mjs ${tasks.join('|')} [args]`);
  }
  if (Number(process.versions.node.split('.')[0]) < 20) {
    throw new Error(`Node 20 or newer is needed, this is ${process.version}; see https://nodejs.org`);
  }
  await installIfNeeded();
  const env = { ...process.env, PATH: [bin, process.env['PATH']].filter(Boolean).join(delimiter) };
  return runChild(pinnedNode, [join(root, 'scripts', 'tasks', `${task}.ts`), ...args], { cwd: root, env });
}

async function installIfNeeded() {
  const wanted = fingerprint();
  if (whyInstall(wanted) === undefined) return;
  const unlock = await lockInstall();
  try {
    const reason = whyInstall(wanted);
    if (reason !== undefined) await install(wanted, reason);
  } finally {
    unlock();
  }
}

/**
 * @param {string} wanted
 * @param {string} reason
 */
async function install(wanted, reason) {
  console.log(`bootstrap: npm ci (${reason})`);
  const started = Date.now();
  // Dev tools are always needed, and install scripts fetch the pinned Node and PostgreSQL, whatever the caller's settings say.
  const flags = ['--include=dev', '--include=optional', '--ignore-scripts=false', '--no-audit', '--no-fund'];
  let code;
  try {
    code = await runChild('npm', ['ci', ...flags, '--loglevel=error'], { cwd: root, env: environmentForNpm() });
  } catch (error) {
    throw new Error('npm was not found on PATH; install Node.js 20 or newer together with npm', { cause: error });
  }
  if (code !== 0) throw new Error(`npm ci ended with code ${code}; its message above says why`);
  if (!existsSync(pinnedNode)) {
    const remedy = 'check that npm may run the install scripts listed under allowScripts in package.json';
    throw new Error(`npm ci left no ${pinnedNode}; ${remedy}`);
  }
  writeFileSync(stampFile, `${wanted}\n`);
  console.log(`bootstrap: installed in ${Math.round((Date.now() - started) / 1000)} s`);
}

/** Two commands started side by side in a fresh clone must not install over each other: the second waits for the first. */
async function lockInstall() {
  const lock = join(root, '.sluice-install');
  const holderFile = join(lock, 'pid');
  for (let told = false; ;) {
    try {
      mkdirSync(lock);
      writeFileSync(holderFile, String(process.pid));
      return () => rmSync(lock, { recursive: true, force: true });
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    const holder = existsSync(holderFile) ? Number(readFileSync(holderFile, 'utf8')) : undefined;
    if (holder !== undefined && !isAlive(holder)) {
      rmSync(lock, { recursive: true, force: true });
      continue;
    }
    if (!told) console.log(`bootstrap: waiting for the install of process ${holder ?? '?'} (lock: ${lock})`);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/**
 * @param {string} wanted
 * @returns {string | undefined} the reason for an install, or undefined when everything is in place
 */
function whyInstall(wanted) {
  if (!existsSync(modules)) return 'no node_modules yet';
  if (!existsSync(pinnedNode)) return 'the pinned Node is missing from node_modules';
  if (existsSync(stampFile)) {
    return readFileSync(stampFile, 'utf8').trim() === wanted
      ? undefined
      : 'package-lock.json or a package.json has changed';
  }
  if (!matchesLockFile()) return 'node_modules does not match package-lock.json';
  writeFileSync(stampFile, `${wanted}\n`);
  return undefined;
}

/** True when a hand-made `npm ci` or `npm install` already put every locked package in place (npm's own record says so). */
function matchesLockFile() {
  const record = join(modules, '.package-lock.json');
  if (!existsSync(record)) return false;
  const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  return Object.entries(locked).every(([path, entry]) => {
    if (!path.includes('node_modules/') || entry.link) return true;
    const found = installed[path];
    return found
      ? found.version === entry.version && found.integrity === entry.integrity
      : Boolean(entry.optional || entry.devOptional || entry.peer);
  });
}

/** SHA-256 over the lock file, the platform and what each package.json asks for. */
function fingerprint() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
  hash.update(readFileSync(join(root, 'package-lock.json')));
  for (const folder of ['.', ...workspaceFolders()]) {
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    hash.update(JSON.stringify([folder, installFields.map((field) => manifest[field] ?? null)]));
  }
  return hash.digest('hex');
}

function workspaceFolders() {
  return ['libs', 'apps'].flatMap((parent) =>
    readdirSync(join(root, parent))
      .map((name) => join(parent, name))
      .filter((folder) => existsSync(join(root, folder, 'package.json')))
      .sort(),
  );
}

/**
 * The caller's environment, fit for a second npm: under `npm run` the outer npm exports its own flags as npm_config_*, and some
 * (workspace, prefix, dry-run ...) would change what `npm ci` does. Registry, proxy, cache and credentials settings stay.
 * Our own .bin leaves PATH, because npm is about to delete it while its install scripts look for `node`.
 */
function environmentForNpm() {
  const env = { ...process.env };
  const foreign = /^npm_(lifecycle|package|command$|execpath$|node_execpath$)/i;
  const flags =
    /^npm_config_(workspaces?|include_workspace_root|prefix|local_prefix|global|location|dry_run|package_lock(_only)?|omit|include|only|production|dev|force|legacy_peer_deps|install_strategy|install_links|if_present|json|silent|yes)$/i;
  for (const name of Object.keys(env)) {
    if (foreign.test(name) || flags.test(name)) delete env[name];
  }
  env['PATH'] = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => !folder.endsWith(`${sep}node_modules${sep}.bin`) && !folder.endsWith('node-gyp-bin'))
    .join(delimiter);
  return env;
}
