import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import { isTerminal, type RunState } from '@sluice/engine';
import type { Db } from '../../platform/db/database.ts';
import type { Row, SentCheck } from '../../platform/db/schema.ts';
import { Checks, type AppPlace, type Asked, type CheckReport, type Failure } from '../../platform/forge/checks.port.ts';
import { PublicOrigin } from '../../platform/http/public-origin.ts';
import { currentStates } from '../runs/index.ts';
import { describeCheck, describeCheckNotAffected } from './describe-check.ts';

type StatusRow = Pick<Row<'commit_statuses'>, 'service_id' | 'commit' | 'not_affected' | 'sent' | 'doubtful' | 'error'>;
type Known = Omit<SentCheck, 'told'> & { readonly told?: string };

const RUN_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Shows runs of a commit as checks of GitHub, each as it is when it is told: the newest run, and every earlier one whose check was
 * left open. GitHub is asked what it has before a check is made, so one whose answer was lost is found by the run's id and
 * used, and where two were made after all, both say the same.
 */
@Injectable()
export class TellChecks {
  readonly #db: Db;
  readonly #origin: PublicOrigin;
  readonly #checks: Checks;
  constructor(@Inject(Kysely) db: Db, origin: PublicOrigin, checks: Checks) {
    this.#db = db;
    this.#origin = origin;
    this.#checks = checks;
  }

  /** Answers with the checks to know from now on. */
  async tell(
    row: StatusRow,
    place: AppPlace,
    service: string,
    newest: RunState | undefined,
  ): Promise<Failure | { readonly kind: 'sent'; readonly checks: readonly SentCheck[] }> {
    const words = { service, origin: this.#origin.value };
    const described = newest
      ? describeCheck(newest, words)
      : describeCheckNotAffected(row.not_affected ?? '', row.service_id, words);
    const report = { ...described, commit: row.commit };
    const known = await this.#known(row, place, report);
    if (known.kind !== 'ok') return known;
    const checks: SentCheck[] = [];
    // Older runs first: what GitHub hears last of a name should be of the newest.
    for (const run of await this.#olderRuns(row, known.value, report.externalId)) {
      const older = { ...describeCheck(run, words), commit: row.commit };
      const told = await this.#update(place, ofRun(known.value, older), older);
      if (told.kind !== 'ok') return told;
      if (!isTerminal(run.status)) checks.push(...told.value);
    }
    const told = await this.#update(place, ofRun(known.value, report), report);
    if (told.kind !== 'ok') return told;
    if (told.value.length > 0) return { kind: 'sent', checks: [...checks, ...told.value] };
    const made = await this.#checks.create(place, report);
    if (made.kind !== 'ok') return made;
    return { kind: 'sent', checks: [...checks, sentCheck(place, made.value, report)] };
  }

  /** What is stored; what GitHub has as well, where the newest run's check is not known or somebody else may have made one. */
  async #known(row: StatusRow, place: AppPlace, report: CheckReport): Promise<Asked<readonly Known[]>> {
    const at = atOf(place);
    const isSure = !row.doubtful && row.error === null;
    const stored = (row.sent?.checks ?? []).filter((check) => check.at === at);
    if (isSure && ofRun(stored, report).length > 0) return { kind: 'ok', value: stored };
    const found = await this.#checks.find(place, report);
    if (found.kind !== 'ok') return found;
    const known: Known[] = stored.map(({ told, ...check }) => (isSure ? { ...check, told } : check));
    for (const { id, externalId, isOpen } of found.value)
      if ((isOpen || externalId === report.externalId) && !known.some((check) => check.id === id))
        known.push({ at, id, externalId });
    return { kind: 'ok', value: known };
  }

  /** In their order. An App may be used by others too: a check that is of no run of this service is left alone. */
  async #olderRuns(row: StatusRow, known: readonly Known[], newest: string): Promise<RunState[]> {
    const ids = known.map(({ externalId }) => externalId).filter((id) => id !== newest && RUN_ID.test(id));
    if (ids.length === 0) return [];
    const runs = await this.#db
      .selectFrom('runs')
      .select(['id', 'version', 'state'])
      .where('id', 'in', ids)
      .where('service_id', '=', row.service_id)
      .where('commit', '=', row.commit)
      .orderBy('number')
      .execute();
    const states = await currentStates(this.#db, runs);
    return runs.map(({ id }) => states.get(id)!);
  }

  /** Those that are still there, with what they say now. */
  async #update(place: AppPlace, checks: readonly Known[], report: CheckReport): Promise<Asked<SentCheck[]>> {
    const told: SentCheck[] = [];
    for (const { id, told: last } of checks) {
      const check = sentCheck(place, id, report);
      if (last !== check.told) {
        const updated = await this.#checks.update(place, id, report);
        if (updated.kind !== 'ok') return updated;
        if (updated.value === 'gone') continue;
      }
      told.push(check);
    }
    return { kind: 'ok', value: told };
  }
}

function ofRun<T extends Known>(checks: readonly T[], { externalId }: CheckReport): T[] {
  return checks.filter((check) => check.externalId === externalId);
}

function sentCheck(place: AppPlace, id: number, report: CheckReport): SentCheck {
  const told = createHash('sha256').update(JSON.stringify(report)).digest('base64url');
  return { at: atOf(place), id, externalId: report.externalId, told };
}

function atOf({ apiUrl, repository, appId }: AppPlace): string {
  return `${appId} ${apiUrl}/repos/${repository}`;
}
