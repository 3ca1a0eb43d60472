import { readFileSync } from 'node:fs';
import type { Outcome } from '../scenario/play-scenario.ts';
import type { Scene } from '../scenario/scene.ts';

const LOG_LINES = 25;

/** Everything that helps to understand a scenario that came out otherwise: what differed, the runs' events, the ends of the logs. */
export async function failureReport({ scene, differences }: Outcome): Promise<string> {
  const { world } = scene;
  const parts = [
    ...differences.map((difference) => `  - ${difference}`),
    ...[...scene.pushes.values()].map(({ name, output }) => section(`the push ${name}`, output.trim())),
    ...(await Promise.all(scene.scenario.services.map(({ name }) => eventsOf(scene, name)))).flat(),
    ...[...world.servers.replicas, ...world.runners, ...(scene.ownRunner ? [scene.ownRunner] : [])].map(({ logFile }) =>
      section(`the end of ${logFile}`, tail(logFile)),
    ),
  ];
  return parts.join('\n');
}

async function eventsOf(scene: Scene, service: string): Promise<string[]> {
  try {
    const { items } = await scene.reader.runs.listRuns({ service, limit: 5 });
    return await Promise.all(
      items.map(async (run) => {
        const events = await scene.reader.runs.getRunEvents({ runId: run.id });
        return section(
          `run ${run.number} of ${service}: ${run.status} ${run.reason?.message ?? ''}`,
          events.map(({ sequence, at, text }) => `${sequence} ${at} ${text}`).join('\n'),
        );
      }),
    );
  } catch (error) {
    return [section(`the runs of ${service}`, `could not be read: ${String(error)}`)];
  }
}

function section(title: string, text: string): string {
  return `    ${title}\n${text
    .split('\n')
    .map((line) => `      | ${line}`)
    .join('\n')}`;
}

function tail(path: string): string {
  try {
    return readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .slice(-LOG_LINES)
      .map((line) => line.slice(0, 600))
      .join('\n');
  } catch {
    return '(no log)';
  }
}
