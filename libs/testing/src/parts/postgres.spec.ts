import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres } from './postgres.ts';
import type { Postgres } from './postgres.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
}, 180_000);
afterAll(() => postgres?.stop());

const query = async (url: string, sql: string) =>
  (await execa('psql', ['-X', '-A', '-t', '-d', url, '-c', sql])).stdout;

describe('startPostgres', () => {
  it('answers to its address only, as a server of Debian', async () => {
    expect(Number.parseInt(postgres.version, 10)).toBeGreaterThanOrEqual(13);
    expect(await query(postgres.url, 'select current_user, current_database()')).toBe('sluice|sluice');
    await expect(query(postgres.url.replace(/:[0-9a-f]+@/, ':wrong@'), 'select 1')).rejects.toThrow(
      'password authentication failed',
    );
  });

  it('keeps committed rows through a crash', async () => {
    await query(postgres.url, 'create table kept (id int); insert into kept values (7)');
    await postgres.restart('SIGKILL');
    expect(await query(postgres.url, 'select id from kept')).toBe('7');
  });

  it('makes databases that see nothing of each other, and refuses other names', async () => {
    const other = await postgres.createDatabase('other');
    await query(other, 'create table only_here (id int)');
    expect(await query(postgres.url, "select to_regclass('only_here') is null")).toBe('t');
    await expect(postgres.createDatabase('x"; drop database sluice')).rejects.toThrow('A test database is named with');
  });
});
