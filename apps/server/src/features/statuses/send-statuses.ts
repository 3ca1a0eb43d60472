import { Inject, Injectable, Logger } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { RunState } from '@sluice/engine';
import { Ids } from '../../platform/clock/clock.port.ts';
import { json, type Db } from '../../platform/db/database.ts';
import type { Row, SentCheck, SentStatus } from '../../platform/db/schema.ts';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import type { SendOutcome, StatusReport } from '../../platform/forge/commit-statuses.port.ts';
import { PublicOrigin } from '../../platform/http/public-origin.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { currentStates } from '../runs/index.ts';
import { contextOf, describeNotAffected, describeRun } from './describe-status.ts';
import { SendSettings } from './send-settings.ts';
import { StatusForges, StatusTargets, type StatusTarget } from './status-target.ts';
import { TellChecks } from './tell-checks.ts';

/** Requests under way in this process, one per repository: a forge that hangs holds up its own alone. */
const AT_ONCE = 16;

type Claimed = Row<'commit_statuses'>;
type Told = Pick<StatusReport, 'state' | 'description' | 'url'> & { readonly run: RunState | undefined };
/** `checks`: of GitHub, where an App was told. */
type Outcome =
  Exclude<SendOutcome, { kind: 'sent' }> | { readonly kind: 'sent'; readonly checks?: readonly SentCheck[] };

/**
 * Tells forges what became of commits, from the rows of `commit_statuses`. What is told is read when it is told: a state that
 * was overtaken is never sent. One claim per row keeps two replicas from telling different states at once; a holder that
 * found its claim gone after its request has the newest state told once more, so the last word is the right one (I32).
 */
@Injectable()
export class SendStatuses {
  readonly #log = new Logger('statuses');
  readonly #db: Db;
  readonly #transactions: Transactions;
  readonly #ids: Ids;
  readonly #outbox: Outbox;
  readonly #origin: PublicOrigin;
  readonly #targets: StatusTargets;
  readonly #forges: StatusForges;
  readonly #checks: TellChecks;
  readonly #settings: SendSettings;
  readonly #busy = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  #stopped = true;

  constructor(
    @Inject(Kysely) db: Db,
    transactions: Transactions,
    ids: Ids,
    outbox: Outbox,
    origin: PublicOrigin,
    targets: StatusTargets,
    forges: StatusForges,
    checks: TellChecks,
    settings: SendSettings,
  ) {
    this.#db = db;
    this.#transactions = transactions;
    this.#ids = ids;
    this.#outbox = outbox;
    this.#origin = origin;
    this.#targets = targets;
    this.#forges = forges;
    this.#checks = checks;
    this.#settings = settings;
  }

  start(): void {
    this.#stopped = false;
    this.#timer = setInterval(() => this.look(), this.#settings.sweepMs);
    this.look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#looking;
    await Promise.all(this.#busy.values());
  }

  look(): void {
    if (this.#stopped) return;
    this.#lookAgain = true;
    this.#looking ??= this.#lookWhileAsked().finally(() => (this.#looking = undefined));
  }

  async #lookWhileAsked(): Promise<void> {
    while (this.#lookAgain && !this.#stopped) {
      this.#lookAgain = false;
      try {
        for (const row of await this.#claim()) this.#carryOut(row);
      } catch (error) {
        this.#log.error({ err: error }, 'statuses could not be looked for; the next sweep tries again');
      }
    }
  }

  async #claim(): Promise<Claimed[]> {
    const room = AT_ONCE - this.#busy.size;
    if (room <= 0) return [];
    const { rows } = await sql<Claimed>`
      with due as (
        select one.service_id, one.commit from (
          select repository_id from commit_statuses where due_at <= now() and repository_id <> all(${[...this.#busy.keys()]}::uuid[])
          group by repository_id order by min(due_at) limit ${room}) waiting
        cross join lateral (
          select service_id, commit from commit_statuses where repository_id = waiting.repository_id and due_at <= now()
          order by due_at limit 1 for update skip locked) one)
      update commit_statuses set claim = ${this.#ids.next()}::uuid, tries = tries + 1,
        due_at = now() + ${this.#settings.claimMs} * interval '1 millisecond'
      from due where commit_statuses.service_id = due.service_id and commit_statuses.commit = due.commit
      returning commit_statuses.*`.execute(this.#db);
    return rows;
  }

  #carryOut(row: Claimed): void {
    const done = this.#tell(row)
      .catch((error: unknown) =>
        this.#log.error({ err: error }, 'a status could not be told; its claim ends by itself'),
      )
      .finally(() => {
        this.#busy.delete(row.repository_id);
        this.look();
      });
    this.#busy.set(row.repository_id, done);
  }

  async #tell(row: Claimed): Promise<void> {
    const service = await this.#db
      .selectFrom('services')
      .innerJoin('repositories', 'repositories.id', 'services.repository_id')
      .select([
        'services.slug',
        'repositories.id',
        'repositories.url',
        'repositories.statuses',
        'repositories.statuses_token_sealed',
        'repositories.credential_sealed',
      ])
      .where('services.id', '=', row.service_id)
      .executeTakeFirst();
    const told = service && (await this.#told(row, service.slug));
    if (!told || service.statuses === null) return this.#letGo(row);
    const outcome = await this.#send(row, service, told);
    await this.#transactions.run((unit) => this.#note(unit, row, told, outcome));
  }

  async #send(
    row: Claimed,
    service: Parameters<StatusTargets['of']>[0] & { readonly slug: string },
    told: Told,
  ): Promise<Outcome> {
    let target: StatusTarget | undefined;
    try {
      target = this.#targets.of(service);
    } catch (error) {
      return { kind: 'refused', why: (error as Error).message };
    }
    if (!target)
      return { kind: 'refused', why: 'There is no token for statuses; give the repository one under its statuses.' };
    if (target.kind === 'checks') return this.#checks.tell(row, target.place, service.slug, told.run);
    if (isTold(row, told)) return { kind: 'sent' };
    const { commit, ref } = row;
    const { state, description, url } = told;
    const report = { context: contextOf(service.slug), commit, ref, state, description, url };
    return this.#forges.get(target.forge).send(target.place, report);
  }

  /** The newest run of the commit, or that there is none for a reason. */
  async #told(row: Claimed, slug: string): Promise<Told | undefined> {
    const run = await this.#db
      .selectFrom('runs')
      .select(['id', 'version', 'state'])
      .where('service_id', '=', row.service_id)
      .where('commit', '=', row.commit)
      .orderBy('number', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (run) {
      const state = (await currentStates(this.#db, [run])).get(run.id)!;
      return { ...describeRun(state, slug, this.#origin.value), run: state };
    }
    if (row.not_affected === null) return undefined;
    return { ...describeNotAffected(row.not_affected, slug, this.#origin.value), run: undefined };
  }

  async #note(unit: Unit, row: Claimed, { state, description, run }: Told, outcome: Outcome): Promise<void> {
    const runId = run?.runId ?? null;
    const noted =
      outcome.kind === 'sent'
        ? sent(row, { state, description, runId, ...(outcome.checks && { checks: outcome.checks }) })
        : this.#failed(row, outcome);
    const { numAffectedRows } = await sql`
      update commit_statuses set claim = null, ${noted}
      where service_id = ${row.service_id} and commit = ${row.commit} and claim = ${row.claim}`.execute(unit.tx);
    if (numAffectedRows !== 1n) {
      // Somebody else has told the forge meanwhile, and our word may have come after theirs.
      await sql`
        update commit_statuses set wanted_version = wanted_version + 1, doubtful = true, due_at = case when claim is null then now() else due_at end
        where service_id = ${row.service_id} and commit = ${row.commit}`.execute(unit.tx);
      return;
    }
    await this.#outbox.add(unit, 'changed', {
      topics: [`service:${row.service_id}`, ...(runId === null ? [] : [`run:${runId}`])],
    });
  }

  #failed(row: Claimed, outcome: Exclude<Outcome, { kind: 'sent' }>) {
    const { pauseMs, longestPauseMs, deadlineMs, refusals } = this.#settings;
    const asked = outcome.kind === 'trouble' ? (outcome.retryAfterSeconds ?? 0) * 1000 : 0;
    const pause = Math.min(pauseMs * 2 ** Math.min(row.tries - 1, 20), longestPauseMs);
    const over =
      outcome.kind === 'refused'
        ? sql`${row.tries >= refusals}`
        : sql`coalesce(failing_since, now()) + ${deadlineMs} * interval '1 millisecond' <= now()`;
    const giveUp = sql`(${over} and wanted_version = ${row.wanted_version})`;
    return sql`error = ${outcome.why}, failing_since = coalesce(failing_since, now()),
      given_up_at = case when ${giveUp} then now() end,
      due_at = case when not ${giveUp} then now() + greatest(${asked}, ${pause} * (0.5 + random() / 2)) * interval '1 millisecond' end`;
  }

  /** Nothing is to be told any more. */
  async #letGo(row: Claimed): Promise<void> {
    await sql`
      update commit_statuses set claim = null, due_at = null
      where service_id = ${row.service_id} and commit = ${row.commit} and claim = ${row.claim}`.execute(this.#db);
  }
}

/** News that came while it was told is told next. */
function sent(row: Claimed, status: SentStatus) {
  return sql`sent = ${json(status)}::jsonb, sent_at = now(), tries = 0, failing_since = null, error = null, given_up_at = null,
    doubtful = doubtful and wanted_version <> ${row.wanted_version},
    due_at = case when wanted_version <> ${row.wanted_version} then now() end`;
}

function isTold({ sent: last, doubtful, error }: Claimed, { state, description, run }: Told): boolean {
  if (last === null || last.checks !== undefined || doubtful || error !== null) return false;
  return last.state === state && last.description === description && last.runId === (run?.runId ?? null);
}
