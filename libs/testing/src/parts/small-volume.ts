import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { temporaryFolder } from './temporary-folder.ts';

export interface SmallVolume {
  readonly path: string;
  /** Takes all the room that is left. */
  fill(): void;
  /** Gives that room back. */
  free(): void;
  remove(): Promise<void>;
}

/** A folder with little room of its own, to be filled up. Only root can make one. */
export async function makeSmallVolume(megabytes: number): Promise<SmallVolume> {
  const folder = temporaryFolder('small-volume');
  await execa('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0700`, 'tmpfs', folder.path]);
  const filler = join(folder.path, 'filler');
  return {
    path: folder.path,
    fill: () => {
      // Ever smaller pieces, until not even the smallest one fits.
      for (let piece = 1024 * 1024; piece >= 4096; piece /= 4) while (appends(filler, piece));
    },
    free: () => rmSync(filler, { force: true }),
    remove: async () => {
      await execa('umount', ['--lazy', folder.path]);
      folder.remove();
    },
  };
}

function appends(file: string, bytes: number): boolean {
  const before = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  try {
    writeFileSync(file, Buffer.alloc(bytes), { flag: 'a' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
  return statSync(file).size === before + bytes;
}
