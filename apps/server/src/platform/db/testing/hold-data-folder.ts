import pg from 'pg';
import { claimDataFolder } from '../claim-data-folder.ts';
import { EmbeddedPostgres } from '../embedded-postgres.ts';

/**
 * A stand-in for a server process: claims the data folder, starts or adopts PostgreSQL and writes rows as fast as they
 * are acknowledged, one line each, until somebody kills it.
 */
const folder = process.argv[2]!;
try {
  claimDataFolder(folder);
  const postgres = await EmbeddedPostgres.start({ folder });
  const client = new pg.Client({ connectionString: postgres.url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('create table if not exists acknowledged (id bigint generated always as identity, process int)');
  process.stdout.write(`ready ${postgres.pid} ${postgres.adopted ? 'adopted' : 'started'} ${postgres.url}\n`);
  for (;;) {
    const { rows } = await client.query<{ id: string }>('insert into acknowledged (process) values ($1) returning id', [
      process.pid,
    ]);
    process.stdout.write(`wrote ${rows[0]!.id}\n`);
  }
} catch (error) {
  process.stdout.write(`refused ${(error as Error).message}\n`);
  process.exitCode = 1;
}
