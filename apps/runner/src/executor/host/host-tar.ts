import { spawn } from 'node:child_process';
import { PassThrough } from 'node:stream';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { ExecutorTrouble } from '../executor.port.ts';
import { HOST_PATH } from './host-folder.ts';

const MOST_WORDS = 500;

/** Puts the files of a tar below a folder, over what is there. */
export async function unpackInto(folder: string, tar: Readable, signal?: AbortSignal): Promise<void> {
  const child = startTar(['-x', '-o', '-f', '-', '-C', folder], signal);
  const words = wordsOf(child.stderr);
  child.stdin.on('error', () => undefined);
  const read = finished(tar).then(
    () => undefined,
    (error: unknown) => {
      child.stdin.destroy();
      return error instanceof Error ? error : new Error(String(error));
    },
  );
  tar.pipe(child.stdin);
  const exitCode = await exitCodeOf(child);
  // It may have stopped reading at the end mark; what comes behind is padding.
  if (exitCode === 0) tar.unpipe(child.stdin).resume();
  else tar.destroy();
  const broken = await read;
  signal?.throwIfAborted();
  if (exitCode === 0 && broken === undefined) return;
  const why = (await words) || (broken?.message ?? `tar ended with ${exitCode}`);
  throw new ExecutorTrouble('host', `Files could not be put into the workspace: ${why}`, { cause: broken });
}

/** What is at a path below a folder, as a tar whose names begin with the last part of the path. A file that changes meanwhile comes as it is. */
export function packFrom(folder: string, name: string): Readable {
  const child = startTar(['-c', '-f', '-', '-C', folder, '--', name]);
  const words = wordsOf(child.stderr);
  const archive = new PassThrough();
  child.stdin.end();
  // It ends when it is known how tar ended, or half of a tree would pass for the whole. 1: something changed while it was read.
  child.stdout.pipe(archive, { end: false });
  void Promise.all([exitCodeOf(child), words, finished(child.stdout).catch(() => undefined)]).then(
    ([exitCode, why]) => {
      if (exitCode <= 1) archive.end();
      else
        archive.destroy(
          new ExecutorTrouble('host', `The workspace could not be read: ${why || `tar ended with ${exitCode}`}`),
        );
    },
  );
  archive.once('close', () => child.kill('SIGKILL'));
  return archive;
}

function startTar(args: readonly string[], signal?: AbortSignal) {
  const env = { PATH: HOST_PATH, LC_ALL: 'C' };
  return spawn('tar', args, { env, stdio: ['pipe', 'pipe', 'pipe'], ...(signal === undefined ? {} : { signal }) });
}

function exitCodeOf(child: ReturnType<typeof startTar>): Promise<number> {
  return new Promise((resolve) => {
    child.once('error', () => resolve(127));
    child.once('exit', (code) => resolve(code ?? 255));
  });
}

async function wordsOf(stream: Readable): Promise<string> {
  let words = '';
  for await (const chunk of stream) if (words.length < MOST_WORDS) words += String(chunk);
  return words.trim().slice(0, MOST_WORDS);
}
