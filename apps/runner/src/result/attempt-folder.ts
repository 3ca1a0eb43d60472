import { mkdir, open, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { attemptResult } from '@sluice/protocol';
import type { AttemptResult } from '@sluice/protocol';
import { z } from 'zod';
import type { JobProgress } from './job-progress.ts';
import { jobProgress } from './job-progress.ts';
import type { LeaseKey } from '../server/runner-api.ts';

const leaseNote = z.object({ attemptId: z.string(), epoch: z.number().int() });

/**
 * What of an attempt must outlive the process: which lease it was, the log's bytes, and, once it has ended, the result. The result
 * is durable before it is reported and stays until the server has it. No secret is ever written here.
 */
export class AttemptFolder {
  readonly #path: string;
  readonly lease: LeaseKey;

  private constructor(path: string, lease: LeaseKey) {
    this.#path = path;
    this.lease = lease;
  }

  static async begin(attempts: string, { attemptId, epoch }: LeaseKey): Promise<AttemptFolder> {
    const path = join(attempts, attemptId);
    await rm(path, { recursive: true, force: true });
    await mkdir(path, { mode: 0o700 });
    await writeDurably(path, 'lease.json', JSON.stringify({ attemptId, epoch }));
    return new AttemptFolder(path, { attemptId, epoch });
  }

  /** Those an earlier process left; folders that say nothing readable are removed. */
  static async findAll(attempts: string): Promise<AttemptFolder[]> {
    const found: AttemptFolder[] = [];
    for (const name of await readdir(attempts)) {
      const path = join(attempts, name);
      const lease = leaseNote.safeParse(await readJson(join(path, 'lease.json')));
      if (lease.success && lease.data.attemptId === name) found.push(new AttemptFolder(path, lease.data));
      else await rm(path, { recursive: true, force: true });
    }
    return found;
  }

  get logFile(): string {
    return join(this.#path, 'log');
  }

  async saveResult(result: AttemptResult): Promise<void> {
    await writeDurably(this.#path, 'result.json', JSON.stringify(result));
  }

  async readResult(): Promise<AttemptResult | undefined> {
    const result = attemptResult.safeParse(await readJson(join(this.#path, 'result.json')));
    return result.success ? result.data : undefined;
  }

  /** Whole or not at all; only the process need not outlive it, because a machine that goes down takes the job with it. */
  async saveProgress(progress: JobProgress): Promise<void> {
    const file = join(this.#path, 'progress.json');
    await writeFile(`${file}.half`, JSON.stringify(progress), { mode: 0o600 });
    await rename(`${file}.half`, file);
  }

  async readProgress(): Promise<JobProgress | undefined> {
    const progress = jobProgress.safeParse(await readJson(join(this.#path, 'progress.json')));
    return progress.success ? progress.data : undefined;
  }

  async discard(): Promise<void> {
    await rm(this.#path, { recursive: true, force: true });
  }
}

/** Whole and on disk, or not there at all. */
async function writeDurably(folder: string, name: string, text: string): Promise<void> {
  const half = join(folder, `${name}.half`);
  const file = await open(half, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(half, join(folder, name));
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return undefined;
  }
}
