import { mkdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

/**
 * Modules that are loaded from here on are compiled once for this version of Node and of their text: the next start saves the
 * time. Kept in the data folder, which nobody else may write to, unlike the folder for temporary files that Node would take by
 * itself. A folder that cannot be written costs only the time; whoever needs the folder will say what is wrong with it.
 */
export function reuseCompiledCode(dataFolder: string): void {
  const folder = join(dataFolder, 'compile-cache');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch {
    return;
  }
  enableCompileCache(folder);
}
