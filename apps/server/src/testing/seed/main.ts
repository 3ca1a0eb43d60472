import { parseArgs } from 'node:util';
import { openDatabase } from '../../platform/db/database.ts';
import { migrateDatabase } from '../../platform/db/migrate.ts';
import { seedDatabase } from './seed-database.ts';

/** `DATABASE_URL=... npm run seed [-- --runs 100000 --events 2000000 --services 5000]`: fills a database for measurements and demonstrations. */
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    events: { type: 'string', default: '2000000' },
    services: { type: 'string', default: '5000' },
  },
});

function numberOf(name: keyof typeof values): number {
  const text = values[name];
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`--${name}: write a whole number from 1 on, not ${text}.`);
  return Number(text);
}

const url = process.env['DATABASE_URL'];
try {
  if (!url)
    throw new Error(
      'DATABASE_URL: name the database to fill, postgres://user:password@host:port/database; a new one, not one in use.',
    );
  const size = { runs: numberOf('runs'), events: numberOf('events'), services: numberOf('services') };
  const db = openDatabase(url, 2);
  try {
    await migrateDatabase(db);
  } finally {
    await db.destroy();
  }
  const startedAt = performance.now();
  const written = await seedDatabase(url, size, (line) => void process.stderr.write(`seed: ${line}\n`));
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  process.stdout.write(`${JSON.stringify({ seconds, written })}\n`);
} catch (error) {
  process.stderr.write(`seed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
