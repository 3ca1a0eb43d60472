import { join } from 'node:path';
import { failureReport } from '../report/failure-report.ts';
import type { TestReport } from '../report/test-report.ts';
import { bareScenario } from '../scenario/load-scenarios.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { Scene } from '../scenario/scene.ts';
import { readDatabase } from '../world/read-database.ts';
import type { Mode } from '../world/stores.ts';
import { CHAINS, FIRST_BOOT, type Chain } from './chains.ts';
import { COURSES, putProduction, type CourseName, type Stage } from './courses.ts';
import { neverKilledAt, readFailpoints } from './failpoint-catalogue.ts';
import { bootOnce } from './first-boot.ts';
import { startInterruptedEngine } from './interrupted-engine.ts';
import { KilledServers } from './killed-servers.ts';
import { overlookedDifferences, PLANTED } from './planted-differences.ts';
import { rowDifferences, type Rows } from './rows.ts';

const LEAST_KILLS = 30;

/** The one service that it pushes. */
export function killTestScenario(root: string): Scenario {
  return { ...bareScenario('kill-test', join(root, 'apps/e2e/templates/kill-test')), ownRunner: true };
}

/** What one installation plays of the kill test; several may play at once. */
export interface Hand {
  /** One letter: it is part of names that may not be long. */
  readonly name: string;
  plays(course: CourseName | 'first boot'): boolean;
}

/** One after the other. */
export const ONE_HAND: readonly Hand[] = [{ name: 'a', plays: () => true }];
const FIRST_HALF: ReadonlySet<CourseName | 'first boot'> = new Set(['release', 'retention']);
/** About as long as each other. Two installations of a busy small machine restart slower than leases last: not beside much else. */
export const TWO_HANDS: readonly Hand[] = [
  { name: 'a', plays: (course) => FIRST_HALF.has(course) },
  { name: 'b', plays: (course) => !FIRST_HALF.has(course) },
];

/**
 * Plays each course of events once undisturbed and then while servers are killed (SIGKILL, at failpoints) and brought back,
 * and compares what lies in the database, in the logs and in the engine in the end. `filter`: parts of the names of the chains to
 * play, separated by commas. Gives all failpoints at which a server ended, in order.
 */
export async function runKillTest(
  scene: Scene,
  report: TestReport,
  hand: Hand,
  filter = '',
): Promise<readonly string[]> {
  const { world } = scene;
  const engine = await startInterruptedEngine(world.parts.engine.address, join(world.folder, 'engine.sock'));
  try {
    const env = { SLUICE_DOCKER_ENGINES: `${world.parts.engine.address},${engine.address}` };
    // It is up only while the course of the runner that dies needs it; its waiting requests end with it.
    await scene.ownRunner!.stop();
    await world.servers.restart(env);
    const stage: Stage = { scene, engine };
    await putProduction(stage, 'production');
    const killedAt = await playAll(stage, env, report, hand, filter);
    await world.servers.restart();
    return killedAt;
  } finally {
    await engine.stop();
  }
}

/** Every failpoint of the server's catalogue must have ended a server, whoever played it. */
export function judgeKills(root: string, report: TestReport, mode: Mode, killedAt: readonly string[]): void {
  judge(report, mode, [
    `at least ${LEAST_KILLS} kills`,
    killedAt.length >= LEAST_KILLS ? [] : [`servers were killed ${killedAt.length} times only`],
    `${killedAt.length} kills`,
  ]);
  const all = readFailpoints(root);
  judge(report, mode, [
    'a kill at every failpoint of the server',
    neverKilledAt(all, killedAt),
    `${all.length} failpoints`,
  ]);
}

function judge(report: TestReport, mode: Mode, [what, problems, remark]: [string, readonly string[], string]): void {
  const name = `kill test, ${mode}: ${what}`;
  if (problems.length === 0) report.pass(name, 0, remark);
  else report.fail(name, 0, problems.map((problem) => `  - ${problem}`).join('\n'));
}

/** Gives all failpoints at which a server ended, in order. */
async function playAll(
  stage: Stage,
  env: Readonly<Record<string, string>>,
  report: TestReport,
  hand: Hand,
  filter: string,
): Promise<readonly string[]> {
  const { world } = stage.scene;
  const killedAt: string[] = [];
  const undisturbed = new Map<CourseName, Rows>();
  const isChosen = (name: string) => filter.split(',').some((part) => name.includes(part));
  const chains = CHAINS.filter(({ name, course }) => hand.plays(course) && isChosen(name));
  // Two hands that push in the same second must not push the same commit: they share the registry.
  const nameOf = (push: string, number: number) => `${push}-${hand.name}${number}`;
  // What the first release of all leaves is another thing: it replaces nothing.
  if (chains.length > 0) await COURSES.release(stage, nameOf('first', 0));
  for (const [index, chain] of chains.entries()) {
    if (!undisturbed.has(chain.course)) {
      // What the chain before has armed and nobody passed again.
      await world.servers.restart(env);
      const startedAt = performance.now();
      const read = await COURSES[chain.course](stage, nameOf('undisturbed', undisturbed.size + 1));
      undisturbed.set(chain.course, await read());
      console.log(`        ${chain.course}, undisturbed  ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
      if (chain.course === 'release') await judgeComparison(stage.scene, report);
    }
    killedAt.push(
      ...(await playChain(stage, env, undisturbed.get(chain.course)!, chain, nameOf('killed', index + 1), report)),
    );
  }
  if (hand.plays('first boot') && isChosen('first boot')) killedAt.push(...(await playFirstBoot(stage.scene, report)));
  return killedAt;
}

/** A comparison that cannot fail shows nothing. */
async function judgeComparison(scene: Scene, report: TestReport): Promise<void> {
  const { id } = await scene.run(undefined, undefined);
  const overlooked = await readDatabase(scene.world, (database) => overlookedDifferences(database, id));
  judge(report, scene.world.mode, ['the comparison notices what is planted', overlooked, `${PLANTED} differences`]);
}

async function playChain(
  stage: Stage,
  env: Readonly<Record<string, string>>,
  undisturbed: Rows,
  chain: Chain,
  push: string,
  report: TestReport,
): Promise<readonly string[]> {
  const { scene } = stage;
  const startedAt = performance.now();
  const lease = chain.leaseSeconds === undefined ? {} : { SLUICE_LEASE_SECONDS: String(chain.leaseSeconds) };
  const servers = new KilledServers(scene.world.servers.replicas, chain.failpoints, { ...env, ...lease });
  const differences: string[] = [];
  await servers.begin();
  try {
    const read = await COURSES[chain.course](stage, push);
    // Servers may die until the last message is delivered (`deploy:after-end`), so they are brought back meanwhile.
    const rows = await read();
    differences.push(...rowDifferences(rows, undisturbed));
  } catch (error) {
    differences.push(error instanceof Error ? error.message : String(error));
  }
  await servers.end();
  differences.push(...servers.trouble, ...servers.left.map((name) => `no server passed ${name}`));
  await tell(stage.scene, report, chain.name, startedAt, servers.killedAt, differences);
  return servers.killedAt;
}

/** The way of an installation from an empty database to its first person. */
async function playFirstBoot(scene: Scene, report: TestReport): Promise<readonly string[]> {
  const startedAt = performance.now();
  const should = await bootOnce(scene.world, 'boot_undisturbed', false);
  const is = await bootOnce(scene.world, 'boot_killed', true);
  const missed = FIRST_BOOT.filter((name) => !is.killedAt.includes(name));
  await tell(scene, report, 'first boot', startedAt, is.killedAt, [
    ...rowDifferences(is.rows, should.rows),
    ...is.trouble,
    ...missed.map((name) => `no server passed ${name}`),
  ]);
  return is.killedAt;
}

async function tell(
  scene: Scene,
  report: TestReport,
  name: string,
  startedAt: number,
  killedAt: readonly string[],
  differences: readonly string[],
): Promise<void> {
  const seconds = (performance.now() - startedAt) / 1000;
  const title = `kill test, ${scene.world.mode}: ${name}`;
  if (differences.length === 0) report.pass(title, seconds, `${killedAt.length} kills, all as undisturbed`);
  else report.fail(title, seconds, await failureReport({ scene, seconds, differences }));
  console.log(killedAt.map((failpoint) => `          killed at  ${failpoint}`).join('\n'));
}
