import { Migrator, type Migration } from 'kysely/migration';
import { failpoint } from '../failpoints/failpoints.ts';
import type { Db } from './database.ts';
import * as initial from './migrations/0001-initial.ts';
import * as logs from './migrations/0002-logs.ts';
import * as identity from './migrations/0003-identity.ts';
import * as jobs from './migrations/0004-jobs.ts';
import * as triggers from './migrations/0005-triggers.ts';
import * as statuses from './migrations/0006-statuses.ts';
import * as concurrency from './migrations/0007-concurrency.ts';
import * as artifacts from './migrations/0008-artifacts.ts';
import * as runners from './migrations/0009-runners.ts';
import * as retention from './migrations/0011-retention.ts';
import * as hostExecutor from './migrations/0012-host-executor.ts';
import * as debugShell from './migrations/0013-debug-shell.ts';

/** Imported, not read from a folder: what was compiled is what runs. Names never change once released. */
const MIGRATIONS: Record<string, Migration> = {
  '0001-initial': initial as Migration,
  '0002-logs': logs as Migration,
  '0003-identity': identity as Migration,
  '0004-jobs': jobs as Migration,
  '0005-triggers': triggers as Migration,
  '0006-statuses': statuses as Migration,
  '0007-concurrency': concurrency as Migration,
  '0008-artifacts': artifacts as Migration,
  '0009-runners': runners as Migration,
  '0011-retention': retention as Migration,
  '0012-host-executor': hostExecutor as Migration,
  '0013-debug-shell': debugShell as Migration,
};

/**
 * Brings the schema to this version, or throws one sentence. Several replicas may call it at once: one migrates, the
 * others wait. All pending migrations are one transaction: killed half way, nothing of them remains (F44).
 */
export async function migrateDatabase(db: Db, migrations: Record<string, Migration> = MIGRATIONS): Promise<string[]> {
  const provider = { getMigrations: () => Promise.resolve(withFailpoint(migrations)) };
  const migrator = new Migrator({ db, provider });
  await failpoint('migrate:before');
  const { error, results = [] } = await migrator.migrateToLatest();
  await failpoint('migrate:after');
  const failed = results.find(({ status }) => status === 'Error');
  if (failed) {
    throw new Error(`The database migration ${failed.migrationName} failed and was rolled back: ${sentence(error)}`, {
      cause: error,
    });
  }
  if (error !== undefined && isOfConnection(error)) {
    throw new Error(
      `The database cannot be used: ${sentence(error)} See that it runs, and that DATABASE_URL names its host, port, user, password and database.`,
      { cause: error },
    );
  }
  if (error !== undefined) {
    const remedy = 'Start the version of Sluice that made this database, or a newer one.';
    throw new Error(`The database does not fit this version of Sluice: ${sentence(error)} ${remedy}`, { cause: error });
  }
  return results.map(({ migrationName }) => migrationName);
}

/** After each of them, still in the transaction of all. */
function withFailpoint(migrations: Record<string, Migration>): Record<string, Migration> {
  return Object.fromEntries(
    Object.entries(migrations).map(([name, migration]) => [
      name,
      {
        ...migration,
        up: async (db) => {
          await migration.up(db);
          await failpoint('migrate:before-commit');
        },
      } satisfies Migration,
    ]),
  );
}

/** The database's own words and the network's carry a code; that it is of another version is found by us. */
function isOfConnection(error: unknown): boolean {
  return typeof (error as { code?: unknown } | null)?.code === 'string';
}

function sentence(error: unknown): string {
  // A name with several addresses fails with one error for each, and no words of its own.
  const [first = error] = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  const text = first instanceof Error ? first.message : String(first);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
