import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely';
import pg from 'pg';
import { answeringSocket } from './answering-socket.ts';
import type { Tables } from './schema.ts';

export type Db = Kysely<Tables>;
/** Queries take either: a pool-backed database or the transaction they are part of. */
export type DbOrTx = Kysely<Tables> | Transaction<Tables>;

const INT8 = 20;

/** How long a query may take before it fails rather than keep its caller waiting. */
const LIMITS = {
  connectionTimeoutMillis: 5_000,
  statement_timeout: 15_000,
  // Who waits for a lock holds a connection that others need (F38).
  lock_timeout: 5_000,
  // A process that is stopped in the middle of a transaction must not hold its locks for ever.
  idle_in_transaction_session_timeout: 20_000,
  stream: () => answeringSocket(),
} satisfies pg.PoolConfig;

/** Opens a pool. bigint becomes number: none of our counters reaches 2^53. `limits`: `{}` for work that takes as long as it takes. */
export function openDatabase(
  connectionString: string,
  max = 10,
  onError: (error: Error) => void = () => undefined,
  limits: pg.PoolConfig = LIMITS,
): Db {
  const types = {
    getTypeParser: (oid: number, format?: 'text' | 'binary') =>
      oid === INT8 ? (text: string) => Number(text) : pg.types.getTypeParser(oid, format as 'text'),
  };
  const pool = new pg.Pool({
    connectionString,
    max,
    types: types as pg.CustomTypesConfig,
    ...limits,
    application_name: 'sluice',
  });
  // A broken idle connection is replaced by the pool; without a listener it would end the process.
  pool.on('error', onError);
  // The pool listens to idle connections only. One that breaks between two queries of a transaction would end the process
  // too (F35); its next query fails, which is how the transaction hears of it.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
}

/**
 * Serialises a value for a jsonb column (Kysely hands arrays to pg as PostgreSQL arrays otherwise). PostgreSQL holds neither
 * NUL nor half of a character and would refuse the whole statement: a push with such a message, or a container that prints
 * it, must be stored all the same, with U+FFFD in its place.
 */
export function json(value: unknown): string {
  const text = JSON.stringify(value);
  return UNSTORABLE.test(text)
    ? JSON.stringify(value, (_, part: unknown) =>
        typeof part === 'string' ? part.replaceAll('\0', '\ufffd').toWellFormed() : part,
      )
    : text;
}

/** Also matches an escaped backslash before such letters, which then changes nothing. */
const UNSTORABLE = /\\u(?:0000|d[89a-f])/;

/** The database's clock is the only one that decides leases and expiries. */
export async function databaseNow(db: DbOrTx): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select now()`.execute(db);
  return rows[0]!.now;
}
