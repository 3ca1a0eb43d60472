import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sql, type ControlledTransaction } from 'kysely';
import {
  DeadlockError,
  Kernel,
  Process,
  Random,
  Store,
  Transaction,
  UniqueViolation,
  type Task,
} from '@sluice/simulation';
import { testDatabase, type TestDatabase } from './testing/test-database.ts';
import type { Tables } from './schema.ts';

/** `a lock x`: what two sessions do in turn. `add` adds one to a row it has locked; `insert` takes the unique tag of that name. */
const CIRCLE = ['a lock x', 'b lock y', 'a lock y', 'b lock x'];
const SCRIPTS: Record<string, readonly string[]> = {
  'a lock is waited for, and what was committed meanwhile is seen': [
    'a lock x',
    'b lock x',
    'a add x',
    'a commit',
    'b add x',
    'b commit',
    'a read x',
  ],
  'a plain read waits for nobody and sees what is committed, statement by statement': [
    'a lock x',
    'a add x',
    'a read x',
    'b read x',
    'a commit',
    'b read x',
  ],
  'a transaction that ends without a commit leaves nothing and lets go': [
    'a lock x',
    'a add x',
    'b lock x',
    'a rollback',
    'b read x',
  ],
  'skip locked passes over what another has': ['a lock x', 'b skip x', 'b skip y', 'a commit', 'b skip x'],
  'shared locks go together and hold off a writer': [
    'a share x',
    'b share x',
    'b commit',
    'b lock x',
    'a commit',
    'b add x',
    'b commit',
  ],
  'the second of two equal keys fails and leaves nothing': [
    'a insert t',
    'a commit',
    'b lock x',
    'b add x',
    'b insert t',
    'b rollback',
    'a read x',
  ],
};

interface Session {
  /** Gives what the step saw; undefined while it waits for the other session. */
  begin(action: string, key: string): Promise<() => Promise<string | undefined>>;
}

/** `a lock x -> 1`; a step that waited is written down again where it went on. */
async function play(script: readonly string[], sessions: Record<string, Session>): Promise<string[]> {
  const transcript: string[] = [];
  const waiting = new Map<string, () => Promise<string | undefined>>();
  const goOn = async () => {
    for (const [step, look] of waiting) {
      const seen = await look();
      if (seen === undefined) continue;
      waiting.delete(step);
      transcript.push(`${step} -> ${seen}`);
    }
  };
  for (const step of script) {
    const [session = '', action = '', key = ''] = step.split(' ');
    const look = await sessions[session]!.begin(action, key);
    const seen = await look();
    if (seen === undefined) waiting.set(step, look);
    transcript.push(`${step} -> ${seen ?? 'waits'}`);
    await goOn();
  }
  return transcript;
}

type ModelTables = { rows: { id: string; value: number }; tags: { id: string; tag: string } };

/** The simulation's store. */
function modelSessions(): Record<string, Session> {
  const kernel = new Kernel(() => undefined);
  const store = new Store<ModelTables>(kernel, new Random(1), { tags: ({ tag }) => [tag] }, () => undefined);
  for (const id of ['x', 'y']) store.change('rows', { id, value: 1 });
  const session = (name: string): Session => {
    const process = new Process(name);
    let transaction: Transaction<ModelTables> | undefined;
    let inserts = 0;
    function* carryOut(action: string, key: string): Task<string> {
      transaction ??= new Transaction(store, process);
      const row = () => String(transaction!.get('rows', key)?.value);
      switch (action) {
        case 'lock':
          return String((yield* transaction.lock('rows', key))?.value);
        case 'share':
          return String((yield* transaction.share('rows', key))?.value);
        case 'skip':
          return transaction.tryLock('rows', key) ? row() : 'nothing';
        case 'read':
          return row();
        case 'add':
          transaction.put('rows', { id: key, value: transaction.get('rows', key)!.value + 1 });
          return 'done';
        case 'insert':
          transaction.put('tags', { id: `${name}${++inserts}`, tag: key });
          // PostgreSQL says so at the statement, the model at the commit.
          if (store.rows('tags').some(({ tag }) => tag === key)) throw new UniqueViolation(key);
          return 'done';
        default: {
          const ended = transaction;
          transaction = undefined;
          if (action === 'commit') ended.commit();
          else ended.rollback();
          return 'done';
        }
      }
    }
    return {
      begin: (action, key) => {
        let seen: string | undefined;
        function* work(): Task {
          try {
            seen = yield* carryOut(action, key);
          } catch (error) {
            // A failed statement ends its transaction, and its locks with it.
            transaction?.rollback();
            seen =
              error instanceof DeadlockError ? '40P01' : error instanceof UniqueViolation ? '23505' : String(error);
          }
        }
        kernel.spawn(process, work());
        return Promise.resolve(() => {
          kernel.runUntil(kernel.now + 1_000);
          return Promise.resolve(seen);
        });
      },
    };
  };
  return { a: session('a'), b: session('b') };
}

class PostgresSession implements Session {
  readonly #database: TestDatabase;
  #open: { readonly tx: ControlledTransaction<Tables>; readonly pid: number } | undefined;
  constructor(database: TestDatabase) {
    this.#database = database;
  }

  async begin(action: string, key: string): Promise<() => Promise<string | undefined>> {
    this.#open ??= await this.#start();
    const { tx, pid } = this.#open;
    let seen: string | undefined;
    const done = this.#carryOut(tx, action, key).then(
      (answer) => (seen = answer),
      (error: unknown) => (seen = (error as { code?: string }).code ?? String(error)),
    );
    return async () => {
      while (seen === undefined && !(await this.#isBlocked(pid))) await Promise.race([done, this.#tick()]);
      return seen;
    };
  }

  async close(): Promise<void> {
    await this.#open?.tx.rollback().execute();
  }

  async #start() {
    const tx = await this.#database.db.startTransaction().execute();
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
    return { tx, pid: rows[0]!.pid };
  }

  async #carryOut(tx: ControlledTransaction<Tables>, action: string, key: string): Promise<string> {
    const select = (lock: string) =>
      sql<{ value: number }>`select value from contract_rows where id = ${key} ${sql.raw(lock)}`
        .execute(tx)
        .then(({ rows }) => (rows[0] ? String(rows[0].value) : 'nothing'));
    switch (action) {
      case 'lock':
        return select('for update');
      case 'share':
        return select('for share');
      case 'skip':
        return select('for update skip locked');
      case 'read':
        return select('');
      case 'add':
        await sql`update contract_rows set value = value + 1 where id = ${key}`.execute(tx);
        return 'done';
      case 'insert':
        await sql`insert into contract_tags (tag) values (${key})`.execute(tx);
        return 'done';
      default:
        this.#open = undefined;
        await (action === 'commit' ? tx.commit() : tx.rollback()).execute();
        return 'done';
    }
  }

  /** Blocked for good, and not only until the search for a deadlock ends it. */
  async #isBlocked(pid: number): Promise<boolean> {
    const { rows } = await sql<{ blocked: boolean }>`
      select cardinality(pg_blocking_pids(${pid})) > 0 and not exists (
        select 1 from unnest(pg_blocking_pids(${pid})) as other(pid) where ${pid} = any(pg_blocking_pids(other.pid))
      ) as blocked`.execute(this.#database.db);
    return rows[0]!.blocked;
  }

  #tick(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}

/** What the steps saw in the end, in whatever order. */
function outcomes(transcript: readonly string[]): string[] {
  return transcript
    .filter((line) => !line.endsWith('waits'))
    .map((line) => line.split(' -> ')[1] ?? '')
    .toSorted((a, b) => a.localeCompare(b));
}

describe('the store of the simulation behaves as PostgreSQL does in what Sluice relies on', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await testDatabase();
    await sql`create table contract_rows (id text primary key, value integer not null)`.execute(database.db);
    await sql`create table contract_tags (tag text primary key)`.execute(database.db);
  });
  afterAll(() => database.close());

  async function playOnPostgres(script: readonly string[]): Promise<string[]> {
    await sql`truncate contract_rows, contract_tags`.execute(database.db);
    await sql`insert into contract_rows values ('x', 1), ('y', 1)`.execute(database.db);
    const sessions = { a: new PostgresSession(database), b: new PostgresSession(database) };
    const seen = await play(script, sessions);
    await Promise.all(Object.values(sessions).map((session) => session.close()));
    return seen;
  }

  it.each(Object.entries(SCRIPTS))('%s', async (_, script) => {
    expect(await playOnPostgres(script)).toEqual(await play(script, modelSessions()));
  });

  it('F37: a circle fails one of the two, whichever, and the other goes on', async () => {
    const wanted = ['1', '1', '1', '40P01'];
    expect(outcomes(await playOnPostgres(CIRCLE))).toEqual(wanted);
    expect(outcomes(await play(CIRCLE, modelSessions()))).toEqual(wanted);
  });
});
