import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import type { RunnerPrincipal } from '../../platform/http/principal.ts';
import { invalid } from '../../platform/http/problem.ts';
import { heldAttempt } from './held-attempt.ts';
import { JunitReader, reportsBusy } from './junit-reader.ts';
import type { ParsedReport, TestCase } from './parse-junit.ts';

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

/** What one attempt may send; beyond it a file is noted with the reason, and its cases are not kept. */
export interface ReportCaps {
  readonly files: number;
  readonly bytes: number;
  readonly cases: number;
  /** Time on the one thread that reads the files of everybody. */
  readonly readingMs: number;
}

const CAPS: ReportCaps = { files: 200, bytes: 32 * 1024 * 1024, cases: 100_000, readingMs: 30_000 };
/** Attempts whose reading time is remembered, in this process alone; the oldest are forgotten first. */
const REMEMBERED = 2_000;
const ROWS_PER_INSERT = 1_000;

/**
 * One report file of an attempt. Sent again, it takes the place of its former self. A file that is refused stays as a
 * finding of the attempt; neither it nor a cap changes the result of the job.
 */
@Injectable()
export class StoreJunitReport {
  readonly #transactions: Transactions;
  readonly #reader: JunitReader;
  #caps = CAPS;
  readonly #reading = new Set<string>();
  readonly #spentMs = new Map<string, number>();
  constructor(transactions: Transactions, reader: JunitReader) {
    this.#transactions = transactions;
    this.#reader = reader;
  }

  static limited(transactions: Transactions, reader: JunitReader, caps: Partial<ReportCaps>): StoreJunitReport {
    const store = new StoreJunitReport(transactions, reader);
    store.#caps = { ...CAPS, ...caps };
    return store;
  }

  /** Throws 409 `lease-lost`, 422 `junit-report` for a file that is none or beyond the caps, 503 `reports-busy`. */
  async store(runner: RunnerPrincipal, report: JunitReport): Promise<TestCounts> {
    const bytes = Buffer.byteLength(report.xml);
    // The lease and the caps first: nobody else's file and none too many is read at all.
    const early = await this.#transactions.run(async (unit) => {
      await heldAttempt(unit.tx, runner, report, { lock: true });
      const finding = this.#overCaps(
        { ...(await sumOf(unit, report)), readingMs: this.#spentMs.get(report.attemptId) ?? 0 },
        { bytes, cases: 0 },
      );
      if (finding !== undefined) await this.#note(unit, report, bytes, finding);
      return finding;
    });
    if (early !== undefined) throw refused(report, early);
    const parsed = await this.#read(report);
    const cases = parsed.kind === 'cases' ? parsed.cases : [];
    const late = await this.#transactions.run(async (unit) => {
      const attempt = await heldAttempt(unit.tx, runner, report, { lock: true });
      const finding =
        parsed.kind === 'refused'
          ? parsed.message
          : this.#overCaps({ ...(await sumOf(unit, report)), readingMs: 0 }, { bytes, cases: cases.length });
      if (finding !== undefined) {
        await this.#note(unit, report, bytes, finding);
        return finding;
      }
      await replaceReport(unit, report, { bytes, cases: cases.length, finding: null });
      await insertCases(
        unit,
        {
          attempt_id: report.attemptId,
          run_id: attempt.run_id,
          service_id: attempt.service_id,
          job_key: attempt.job_key,
          file: report.file,
        },
        cases,
      );
      return undefined;
    });
    if (late !== undefined) throw refused(report, late);
    return count(cases);
  }

  /** One file of an attempt at a time, as runners send them: nobody fills the queue of all others. */
  async #read({ attemptId, xml }: JunitReport): Promise<ParsedReport> {
    if (this.#reading.has(attemptId)) throw reportsBusy('A report of this attempt is being read');
    this.#reading.add(attemptId);
    try {
      const { report, tookMs } = await this.#reader.read(xml);
      const spent = (this.#spentMs.get(attemptId) ?? 0) + tookMs;
      this.#spentMs.delete(attemptId);
      if (this.#spentMs.size >= REMEMBERED) this.#spentMs.delete(this.#spentMs.keys().next().value!);
      this.#spentMs.set(attemptId, spent);
      return report;
    } finally {
      this.#reading.delete(attemptId);
    }
  }

  #overCaps(sum: ReportCaps, { bytes, cases }: Pick<ReportCaps, 'bytes' | 'cases'>): string | undefined {
    const kept = 'its cases were not kept';
    if (sum.files + 1 > this.#caps.files)
      return `The attempt sent more than ${this.#caps.files} report files; ${kept}.`;
    if (sum.readingMs > this.#caps.readingMs)
      return `Reading the report files of the attempt took more than ${this.#caps.readingMs / 1000} s; ${kept}.`;
    if (sum.bytes + bytes > this.#caps.bytes)
      return `The report files of the attempt are together larger than ${Math.floor(this.#caps.bytes / 1024 / 1024)} MiB; ${kept}.`;
    if (sum.cases + cases > this.#caps.cases)
      return `The report files of the attempt hold more than ${this.#caps.cases} test cases; ${kept}.`;
    return undefined;
  }

  /** Findings are bounded too: a job that sends files without end leaves the first of those beyond the cap. */
  async #note(unit: Unit, report: JunitReport, bytes: number, finding: string): Promise<void> {
    const { files } = await sumOf(unit, report);
    if (files > this.#caps.files) return;
    await replaceReport(unit, report, { bytes, cases: 0, finding });
  }
}

/** Of the attempt's other files; refused ones count as files alone. */
async function sumOf(unit: Unit, { attemptId, file }: JunitReport): Promise<Omit<ReportCaps, 'readingMs'>> {
  const { rows } = await sql<Omit<ReportCaps, 'readingMs'>>`
    select count(*) as files, coalesce(sum(bytes) filter (where finding is null), 0)::bigint as bytes,
           coalesce(sum(cases), 0)::bigint as cases
      from test_reports where attempt_id = ${attemptId} and file <> ${file}`.execute(unit.tx);
  return rows[0]!;
}

async function replaceReport(
  unit: Unit,
  { attemptId, file }: JunitReport,
  values: { bytes: number; cases: number; finding: string | null },
): Promise<void> {
  await unit.tx.deleteFrom('test_cases').where('attempt_id', '=', attemptId).where('file', '=', file).execute();
  await unit.tx
    .insertInto('test_reports')
    .values({ attempt_id: attemptId, file, ...values })
    .onConflict((clash) => clash.columns(['attempt_id', 'file']).doUpdateSet(values))
    .execute();
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

function refused({ file }: JunitReport, why: string) {
  return invalid(`${file}: ${why}`, 'junit-report');
}

function count(cases: readonly TestCase[]): TestCounts {
  const of = (status: TestCase['status']) => cases.filter((testCase) => testCase.status === status).length;
  return { passed: of('passed'), failed: of('failed'), skipped: of('skipped') };
}
