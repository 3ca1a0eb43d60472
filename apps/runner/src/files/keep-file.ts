import { setTimeout as pause } from 'node:timers/promises';
import type { Upload } from '@sluice/protocol';
import { ExecutorTrouble } from '../executor/executor.port.ts';
import type { BackOff } from '../server/back-off.ts';
import { backOffMs } from '../server/back-off.ts';
import type { RunnerApi } from '../server/runner-api.ts';
import { ServerRefusal, ServerUnreachable } from '../server/server-answer.ts';
import { sendFile } from '../server/transfer-file.ts';

/** With pauses of at most 5 s between: an outage of half a minute does not fail a job. */
export const TRANSFER_TRIES = 10;

export interface FileToKeep {
  readonly api: Pick<RunnerApi, 'opened'>;
  readonly path: string;
  readonly ask: () => Promise<Upload>;
  readonly keep: (id: string) => Promise<void>;
  readonly backOff: BackOff;
  readonly tries: number;
  readonly signal: AbortSignal;
}

/** Asks for a link, sends, and has it looked at; from the start again when anything broke on the way (F68). `known`: it was there already. */
export async function keepFile({
  api,
  path,
  ask,
  keep,
  backOff,
  tries,
  signal,
}: FileToKeep): Promise<'sent' | 'known'> {
  return insist(
    async () => {
      const { id, link } = await ask();
      if (link === null) return 'known';
      await sendFile(api, link, path, signal);
      await keep(id);
      return 'sent';
    },
    { backOff, tries, signal },
  );
}

/** What is no answer, and a file that did not arrive as it was sent, is tried again a few times; then it is trouble of ours. */
export async function insist<T>(
  work: () => Promise<T>,
  { backOff, tries, signal }: Pick<FileToKeep, 'backOff' | 'tries' | 'signal'>,
): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await work();
    } catch (error) {
      const again =
        error instanceof ServerUnreachable || (error instanceof ServerRefusal && error.code === 'stored-bytes-differ');
      if (!again || signal.aborted) throw error;
      if (failures >= tries) throw new ExecutorTrouble('storage', error.message, { cause: error });
      await pause(backOffMs(failures, backOff), undefined, { signal });
    }
  }
}
