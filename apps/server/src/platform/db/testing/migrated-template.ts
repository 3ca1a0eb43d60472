import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import pg from 'pg';
import { openDatabase } from '../database.ts';
import { migrateDatabase } from '../migrate.ts';

const LOCK = 7_404_001;

/** Name of a database with all migrations applied; made once per server and content of the migrations. */
export async function migratedTemplate(server: string): Promise<string> {
  const name = `template_${contentOfMigrations()}`;
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [LOCK]);
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (rowCount === 0) {
      const draft = `${name}_draft`;
      await client.query(`drop database if exists "${draft}" with (force)`);
      await client.query(`create database "${draft}"`);
      const url = new URL(server);
      url.pathname = `/${draft}`;
      const db = openDatabase(url.href, 2, undefined, {});
      try {
        await migrateDatabase(db);
      } finally {
        await db.destroy();
      }
      await client.query(`alter database "${draft}" rename to "${name}"`);
    }
    return name;
  } finally {
    await client.end();
  }
}

function contentOfMigrations(): string {
  const folder = new URL('../migrations/', import.meta.url);
  const hash = createHash('sha256');
  for (const file of readdirSync(folder).sort())
    if (/\.(ts|js)$/.test(file)) hash.update(file).update(readFileSync(new URL(file, folder)));
  return hash.digest('hex').slice(0, 16);
}
