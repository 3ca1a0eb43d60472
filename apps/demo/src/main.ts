import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apiOf, connectApi, type Installation } from '@sluice/testing';
import { approveGate } from './approve-gate.ts';
import { DemoFolder, PORTS } from './demo-folder.ts';
import { DEMO_SERVICES, DEVELOPER, RELEASE_MANAGER } from './demo-services.ts';
import { ensureInstalled } from './ensure-installed.ts';
import { followRun, hasPassed, waitsAtGate } from './follow-runs.ts';
import { readOptions } from './options.ts';
import { Progress } from './progress.ts';
import { isPushed, pushExample, type Pushed } from './push-example.ts';
import { joinRunningDemo } from './running-demo.ts';
import { startParts, type DemoParts } from './start-parts.ts';
import { verifyProduction } from './verify-production.ts';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const PUSHED_BY_FLAG = 'catalog';

async function demo(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const progress = new Progress((line) => process.stdout.write(`${line}\n`));
  const folder = new DemoFolder(ROOT);

  if (await isServed()) {
    if (!options.push) {
      throw new Error(
        `Something answers on port ${PORTS.server} already: a running demo? Use -- --push with it, or end it first.`,
      );
    }
    return joinRunningDemo(ROOT, folder, progress, PUSHED_BY_FLAG);
  }

  const parts = await startParts(ROOT, folder, progress);
  const ended = endOnSignal();
  try {
    const installation = await ensureInstalled(folder, parts);
    await Promise.race([show(folder, parts, installation, progress, options), ended.asked]);
    if (!options.yes && !options.push) {
      tellWhereToWatch(installation, progress);
      await ended.asked;
    }
  } finally {
    progress.say('Ending: containers and processes stop; images, database and caches stay.');
    await parts.stop();
  }
}

async function show(
  folder: DemoFolder,
  parts: DemoParts,
  installation: Installation,
  progress: Progress,
  options: { yes: boolean; push: boolean },
): Promise<void> {
  const names = DEMO_SERVICES.map(({ name }) => name);
  const fresh = names.filter((name) => !isPushed(folder, name));
  // A warm demo shows the whole way again only when asked to.
  const wanted = options.yes ? names : options.push ? [...new Set([...fresh, PUSHED_BY_FLAG])] : fresh;
  const pushed = await Promise.all(
    wanted.map((name) =>
      pushExample(
        ROOT,
        folder,
        { registryHost: parts.registry.host, pushUrl: parts.gitHost.repositoryUrl(name, DEVELOPER) },
        name,
      ),
    ),
  );
  for (const one of pushed) progress.stage(one.service, 'push', 'received', null, one.commit.slice(0, 12));
  const developer = apiOf(parts.server.url, installation.people[DEVELOPER]!);
  const runs = await Promise.all(pushed.map((one) => followRun(developer, one, progress, waitsAtGate('production'))));
  if (options.yes)
    await releaseToProduction(
      parts,
      installation,
      pushed,
      runs.map((run) => run.number),
      progress,
    );
}

async function releaseToProduction(
  parts: DemoParts,
  installation: Installation,
  pushed: readonly Pushed[],
  numbers: readonly number[],
  progress: Progress,
): Promise<void> {
  const manager = apiOf(parts.server.url, installation.people[RELEASE_MANAGER]!);
  await Promise.all(
    pushed.map(async (one, index) => {
      await approveGate(manager, one.service, numbers[index]!, 'production');
      progress.stage(one.service, 'gate', 'approved', null, `by ${installation.people[RELEASE_MANAGER]!.name}`);
      const run = await followRun(manager, one, progress, hasPassed);
      const service = DEMO_SERVICES.find(({ name }) => name === one.service)!;
      const digest = await verifyProduction(parts, service, one.commit, run);
      progress.stage(
        one.service,
        'verified',
        'live',
        null,
        `http://127.0.0.1:${service.ports.production} runs ${digest}`,
      );
    }),
  );
}

function tellWhereToWatch(installation: Installation, progress: Progress): void {
  const manager = installation.people[RELEASE_MANAGER]!;
  const developer = installation.people[DEVELOPER]!;
  progress.plain();
  progress.plain(`Watch:    http://localhost:${PORTS.server}/board`);
  progress.plain(`Approve:  http://localhost:${PORTS.server}/approvals`);
  progress.plain(`Sign in:  ${manager.email}  ${manager.password}   (release manager)`);
  progress.plain(
    `          ${developer.email}  ${developer.password}   (developer: pushed the commits, may not approve)`,
  );
  progress.plain('Push again from another terminal:  npm run demo -- --push');
  progress.plain('End with Ctrl-C.');
}

function endOnSignal(): { asked: Promise<void> } {
  return {
    asked: new Promise((resolve) => {
      process.once('SIGINT', () => resolve());
      process.once('SIGTERM', () => resolve());
    }),
  };
}

async function isServed(): Promise<boolean> {
  try {
    await connectApi(`http://127.0.0.1:${PORTS.server}`).identity.setupState();
    return true;
  } catch {
    return false;
  }
}

try {
  await demo();
} catch (error) {
  process.stderr.write(`\nThe demo stopped: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
// What follows a run would go on asking a server that has ended.
process.exit();
