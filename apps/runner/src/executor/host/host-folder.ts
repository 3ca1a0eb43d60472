import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LeaseKey } from '../../server/runner-api.ts';

/** Programs that steps find, as a login of any distribution has it; nothing of the runner's own environment is passed on. */
export const HOST_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const PARTS = ['workspace', 'home', 'tmp', 'steps'] as const;

/** What an attempt has on the disk of the host: its workspace, a home and a place for temporary files, and what its steps leave for a restart. */
export class HostFolder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** `root` is this runner's own. */
  static at(root: string, { attemptId, epoch }: LeaseKey): HostFolder {
    return new HostFolder(join(root, `${attemptId}-${epoch}`));
  }

  get workspace(): string {
    return join(this.path, 'workspace');
  }
  get home(): string {
    return join(this.path, 'home');
  }
  get tmp(): string {
    return join(this.path, 'tmp');
  }

  /** Path of what a step leaves; a prefix of several files. */
  step(index: number): string {
    return join(this.path, 'steps', String(index));
  }

  async make(): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    await Promise.all(PARTS.map((name) => mkdir(join(this.path, name))));
    await writeFile(this.#boot, await bootOf());
  }

  /** It was made since the machine (or the runner's container) was started: what ran then may still run. */
  async isOfThisBoot(): Promise<boolean> {
    const made = await readFile(this.#boot, 'utf8').catch(() => undefined);
    return made !== undefined && made === (await bootOf());
  }

  async remove(): Promise<void> {
    try {
      await rm(this.path, { recursive: true, force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
      // Some tools take the right to write away from their folders.
      await makeWritable(this.path);
      await rm(this.path, { recursive: true, force: true });
    }
  }

  get #boot(): string {
    return join(this.path, 'boot');
  }
}

async function makeWritable(folder: string): Promise<void> {
  await chmod(folder, 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await makeWritable(join(folder, entry.name));
}

/** Of the machine and, in a container, of that container, whose first process began later. */
async function bootOf(): Promise<string> {
  const [boot, first] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    readFile('/proc/1/stat', 'latin1').catch(() => ''),
  ]);
  return `${boot.trim()} ${first.slice(first.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`;
}
