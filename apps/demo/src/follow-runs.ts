import { eventually, type Api } from '@sluice/testing';
import type { Progress } from './progress.ts';
import type { Pushed } from './push-example.ts';

type RunDetail = Awaited<ReturnType<Api['runs']['getRun']>>;

const STAGES = ['commit', 'build', 'test'] as const;
const RUN_TIMEOUT_MS = 10 * 60_000;

/** Finds the run of a pushed commit and prints each stage and environment as it ends, until `isDone` says so. */
export async function followRun(
  api: Api,
  pushed: Pushed,
  progress: Progress,
  isDone: (run: RunDetail) => boolean,
): Promise<RunDetail> {
  return eventually(
    async () => {
      const { items } = await api.runs.listRuns({ service: pushed.service, limit: 5 });
      const found = items.find((run) => run.commit === pushed.commit);
      if (!found) return undefined;
      const run = await api.runs.getRun({ service: pushed.service, number: found.number });
      for (const name of STAGES) {
        const stage = run.stages.find((cell) => cell.stage === name);
        if (!stage?.finishedAt) continue;
        progress.once(`${pushed.commit} ${name}`, () =>
          progress.stage(pushed.service, name, stage.status, secondsOf(stage), stageDetail(run, name)),
        );
      }
      for (const lane of run.lanes) {
        if (lane.status === 'queued') continue;
        progress.once(`${pushed.commit} ${lane.environment} ${lane.status}`, () =>
          progress.stage(
            pushed.service,
            lane.environment,
            lane.status,
            null,
            lane.waiting?.message ?? lane.reason?.message ?? '',
          ),
        );
      }
      if (run.finishedAt && run.status !== 'passed') {
        throw new StoppedRun(
          `Run ${run.number} of ${pushed.service} ${run.status}: ${run.reason?.message ?? 'no reason given'}`,
        );
      }
      return isDone(run) ? run : undefined;
    },
    {
      timeoutMs: RUN_TIMEOUT_MS,
      everyMs: 300,
      describe: `the run of ${pushed.service}`,
      giveUpOn: (error) => error instanceof StoppedRun,
    },
  );
}

/** The run ended otherwise than hoped: waiting longer helps nobody. */
export class StoppedRun extends Error {
  override readonly name = 'StoppedRun';
}

export function waitsAtGate(environment: string): (run: RunDetail) => boolean {
  return (run) => run.lanes.some((lane) => lane.environment === environment && lane.status === 'waiting');
}

export function hasPassed(run: RunDetail): boolean {
  return run.status === 'passed';
}

function secondsOf({ startedAt, finishedAt }: { startedAt: string | null; finishedAt: string | null }): number | null {
  return startedAt && finishedAt ? (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000 : null;
}

function stageDetail(run: RunDetail, stage: (typeof STAGES)[number]): string {
  if (stage === 'build') return run.image?.digest ?? '';
  if (stage === 'test' && run.tests) return `${run.tests.passed} tests passed, ${run.tests.failed} failed`;
  return '';
}
