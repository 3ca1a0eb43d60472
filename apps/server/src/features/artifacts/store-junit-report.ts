import { Injectable } from '@nestjs/common';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import type { RunnerPrincipal } from '../../platform/http/principal.ts';
import { conflict, invalid, notFound } from '../../platform/http/problem.ts';
import { parseJunit, type TestCase } from './parse-junit.ts';

export interface JunitReport {
  readonly attemptId: string;
  readonly epoch: number;
  readonly file: string;
  readonly xml: string;
}

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const ROWS_PER_INSERT = 1_000;

/** One report file of an attempt. Sent again, it takes the place of its former self. */
@Injectable()
export class StoreJunitReport {
  readonly #transactions: Transactions;
  constructor(transactions: Transactions) {
    this.#transactions = transactions;
  }

  /** Throws 409 `lease-lost`, 422 `junit-report` for a file that is none. */
  async store(runner: RunnerPrincipal, { attemptId, epoch, file, xml }: JunitReport): Promise<TestCounts> {
    const parsed = parseJunit(xml);
    if (parsed.kind === 'refused') throw invalid(`${file}: ${parsed.message}`, 'junit-report');
    await this.#transactions.run(async (unit) => {
      const row = await unit.tx
        .selectFrom('attempts')
        .select(['status', 'epoch', 'runner_id', 'pool_id', 'run_id', 'service_id', 'job_key'])
        .where('id', '=', attemptId)
        .forUpdate()
        .executeTakeFirst();
      if (row?.pool_id !== runner.poolId) throw notFound('This attempt');
      if (row.status !== 'running' || row.epoch !== epoch || row.runner_id !== runner.runnerId) {
        throw conflict(
          'lease-lost',
          'The lease is not held any more; end the containers of this attempt and send nothing more of it.',
        );
      }
      await unit.tx.deleteFrom('test_cases').where('attempt_id', '=', attemptId).where('file', '=', file).execute();
      await insertCases(
        unit,
        { attempt_id: attemptId, run_id: row.run_id, service_id: row.service_id, job_key: row.job_key, file },
        parsed.cases,
      );
    });
    return count(parsed.cases);
  }
}

async function insertCases(
  unit: Unit,
  common: { attempt_id: string; run_id: string; service_id: string; job_key: string; file: string },
  cases: readonly TestCase[],
): Promise<void> {
  for (let at = 0; at < cases.length; at += ROWS_PER_INSERT) {
    const rows = cases
      .slice(at, at + ROWS_PER_INSERT)
      .map((testCase, index) => ({ ...common, ordinal: at + index, ...testCase }));
    await unit.tx.insertInto('test_cases').values(rows).execute();
  }
}

function count(cases: readonly TestCase[]): TestCounts {
  const of = (status: TestCase['status']) => cases.filter((testCase) => testCase.status === status).length;
  return { passed: of('passed'), failed: of('failed'), skipped: of('skipped') };
}
