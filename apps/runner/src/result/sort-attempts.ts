import type { Logger } from 'pino';
import type { Executor } from '../executor/executor.port.ts';
import type { EarlierJob } from '../job/resume-job.ts';
import { AttemptFolder } from './attempt-folder.ts';

export interface LeftAttempts {
  /** Under way, and their containers run. */
  readonly running: readonly EarlierJob[];
  /** Over, or cut off. */
  readonly ended: readonly AttemptFolder[];
}

/** What an earlier process of the runner left. Asked before anything is swept: what runs must be known by then. */
export async function sortAttempts(attempts: string, executor: Executor, logger: Logger): Promise<LeftAttempts> {
  const running: EarlierJob[] = [];
  const ended: AttemptFolder[] = [];
  for (const folder of await AttemptFolder.findAll(attempts)) {
    const job = await takeUp(folder, executor, logger);
    if (job === undefined) ended.push(folder);
    else running.push(job);
  }
  return { running, ended };
}

async function takeUp(folder: AttemptFolder, executor: Executor, logger: Logger): Promise<EarlierJob | undefined> {
  const [result, progress] = await Promise.all([folder.readResult(), folder.readProgress()]);
  if (result !== undefined || progress === undefined) return undefined;
  try {
    const sandbox = await executor.reattach({ ...folder.lease, path: progress.path });
    return sandbox && { folder, progress, sandbox };
  } catch (error) {
    logger.warn({ attempt: folder.lease.attemptId, err: error }, 'the containers of a job could not be looked for');
    return undefined;
  }
}
