import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { checkDefinition } from '@sluice/pipeline-spec';
import { testDatabase, type TestDatabase } from '../../platform/db/testing/test-database.ts';
import { ONE_JOB, PipelineRows } from '../../testing/pipeline-rows.ts';
import { readInputs } from './read-triggers.ts';

const INPUTS =
  '{ level: { type: choice, options: [low, high] }, count: { type: number }, dry: { type: boolean }, a: {} }';

describe('readInputs on PostgreSQL', () => {
  let database: TestDatabase;
  let rows: PipelineRows;
  beforeAll(async () => {
    database = await testDatabase();
    rows = new PipelineRows(database);
    await rows.pool();
  });
  afterAll(() => database.close());

  /** Names as the dialog shows them, of a run whose stored definition was changed by `change`. */
  async function namesOf(change = sql`definition`) {
    const team = await rows.team();
    const run = await rows.run(team, ONE_JOB);
    const { definition } = checkDefinition(
      `service: ${team.slug}\non: { manual: { inputs: ${INPUTS} } }`,
      'sluice.yaml',
    );
    await sql`update runs set definition = ${JSON.stringify(definition)}::jsonb where id = ${run}`.execute(database.db);
    await sql`update runs set definition = ${change} where id = ${run}`.execute(database.db);
    const { inputs = {} } = await readInputs(database.db, { id: team.serviceId, defaultBranch: 'main' });
    return Object.keys(inputs);
  }

  it('keeps the order of the file, which the database does not', async () => {
    expect(await namesOf()).toEqual(['level', 'count', 'dry', 'a']);
  });

  it('has all inputs of a run from before the order was kept', async () => {
    expect((await namesOf(sql`definition #- '{on,inputOrder}'`)).toSorted()).toEqual(['a', 'count', 'dry', 'level']);
  });
});
