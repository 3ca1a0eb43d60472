import { join } from 'node:path';
import { eventually } from '@sluice/testing';
import { failureReport } from '../report/failure-report.ts';
import type { TestReport } from '../report/test-report.ts';
import { checkExpectation } from '../scenario/check-expectation.ts';
import { expectation } from '../scenario/expected-run.ts';
import { bareScenario } from '../scenario/load-scenarios.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { Scene } from '../scenario/scene.ts';
import { readDatabase } from '../world/read-database.ts';
import { CHAINS } from './chains.ts';
import { releaseOnce } from './release-once.ts';
import { rowDifferences, rowsOfRun, undelivered, type RowsOfRun } from './rows-of-run.ts';

const LEAST_KILLS = 30;

/** The one service that it pushes. */
export function killTestScenario(root: string): Scenario {
  return bareScenario('kill-test', join(root, 'apps/e2e/templates/kill-test'));
}

/**
 * Sends the same kind of push through again and again while the server is killed (SIGKILL, at failpoints) and brought back,
 * and compares what lies in the database in the end with an undisturbed run.
 */
export async function runKillTest(scene: Scene, report: TestReport): Promise<void> {
  const { world } = scene;
  let kills = 0;
  await releaseOnce(scene, 'first', 'v1');
  const undisturbed = await settled(scene, await releaseOnce(scene, 'undisturbed'));
  for (const [name, chain] of Object.entries(CHAINS)) kills += await playChain(scene, undisturbed, name, chain, report);
  await world.servers.restart();
  const name = `kill test: at least ${LEAST_KILLS} kills`;
  if (kills >= LEAST_KILLS) report.pass(name, 0, `${kills} kills`);
  else report.fail(name, 0, `  - the server was killed ${kills} times only`);
}

async function playChain(
  scene: Scene,
  undisturbed: RowsOfRun,
  name: string,
  chain: readonly string[],
  report: TestReport,
): Promise<number> {
  const { servers } = scene.world;
  const startedAt = performance.now();
  const armed = (deaths: number): Record<string, string> => ({
    ...leaseOf(chain),
    ...(chain[deaths] !== undefined && { SLUICE_FAILPOINTS: `${chain[deaths]}=exit` }),
  });
  const differences: string[] = [];
  let deaths = 0;
  await servers.restart(armed(0), 'SIGKILL');
  const supervision = servers.supervise(armed);
  const push = name.replaceAll(/\W+/g, '-');
  let runId: string | undefined;
  try {
    runId = await releaseOnce(scene, push);
  } catch (error) {
    differences.push(error instanceof Error ? error.message : String(error));
  }
  // A failpoint of the end (`deploy:after-end`) may be passed after the run has passed.
  if (runId !== undefined)
    await eventually(() => supervision.deaths() >= chain.length, { timeoutMs: 10_000 }).catch(() => undefined);
  deaths = await supervision.end();
  try {
    if (deaths < chain.length)
      differences.push(`the server died ${deaths} times; it never passed ${chain[deaths]} after the one before`);
    if (runId !== undefined) {
      differences.push(...rowDifferences(await settled(scene, runId), undisturbed));
      const live = ['staging', 'production'].map((environment) => ({ environment, serves: push }));
      differences.push(
        ...(await checkExpectation(
          scene,
          expectation.parse({ runs: [{ run: push, status: 'passed', image: 'pushed' }], live }),
        )),
      );
    }
  } catch (error) {
    differences.push(error instanceof Error ? error.message : String(error));
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const title = `kill test: ${name}`;
  if (differences.length === 0) report.pass(title, seconds, `${deaths} kills, rows as undisturbed`);
  else report.fail(title, seconds, await failureReport({ scene, seconds, differences }));
  console.log(
    chain
      .map((failpoint, index) => `          ${index < deaths ? 'killed at ' : 'NOT passed'}  ${failpoint}`)
      .join('\n'),
  );
  return deaths;
}

/**
 * Killed again and again, the server is away for longer than the suite's short leases last. Deployments need those, since
 * nobody else may drive one before the dead server's claim has ended.
 */
function leaseOf(chain: readonly string[]): Record<string, string> {
  return chain.some((failpoint) => failpoint.startsWith('deploy:')) ? {} : { SLUICE_LEASE_SECONDS: '60' };
}

/** What is still on its way (seals, live events) arrives before the rows are compared. */
async function settled(scene: Scene, runId: string): Promise<RowsOfRun> {
  await eventually(
    async () => {
      const { jobs } = await scene.run(undefined, undefined);
      return (
        jobs.every(({ attempts }) => attempts.every(({ log }) => log.sealed)) &&
        (await readDatabase(scene.world, undelivered)) === 0
      );
    },
    { timeoutMs: 30_000, everyMs: 100, describe: 'every log to be sealed and every message to be delivered' },
  );
  return readDatabase(scene.world, (database) => rowsOfRun(database, runId));
}
