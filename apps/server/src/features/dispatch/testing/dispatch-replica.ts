import type { LeaseGrant } from '@sluice/protocol';
import type { Clock } from '../../../platform/clock/clock.port.ts';
import { SystemClock, UuidV7 } from '../../../platform/clock/system-clock.ts';
import { PgNotifications } from '../../../platform/db/database-notifications.ts';
import type { TestDatabase } from '../../../platform/db/testing/test-database.ts';
import { Transactions } from '../../../platform/db/transactions.ts';
import { openDatabase } from '../../../platform/db/database.ts';
import { Outbox } from '../../../platform/outbox/outbox.ts';
import { OutboxSignal } from '../../../platform/outbox/outbox-signal.ts';
import { FindUsedArtifacts, StorageSettings } from '../../artifacts/index.ts';
import { AssignPools, RunStates, RunStore } from '../../runs/index.ts';
import { AnswerPoll } from '../answer-poll.ts';
import { BuildLease } from '../build-lease.ts';
import { Dispatch } from '../dispatch.ts';
import { DispatchSettings } from '../dispatch-settings.ts';
import { EndAttempt } from '../end-attempt.ts';
import { ExpireLeases } from '../expire-leases.ts';
import { GrantLeases } from '../grant-leases.ts';
import { JobSecrets } from '../job-secrets.port.ts';
import { PollForLease } from '../poll-for-lease.ts';
import { Reconcile } from '../reconcile.ts';
import { ReturnLease } from '../return-lease.ts';
import { VouchForPolls } from '../vouch-for-polls.ts';
import { WaitingPolls } from '../waiting-polls.ts';

export class FixedSecrets extends JobSecrets {
  values: Record<string, string> = {};
  asked = 0;
  override forJob({ names }: { readonly names: readonly string[] }) {
    this.asked += 1;
    return Promise.resolve(
      names.flatMap((name) => (this.values[name] === undefined ? [] : [{ name, value: this.values[name] }])),
    );
  }
  override registryCredentials(_team: string, registry: string) {
    return Promise.resolve(registry === 'private.example.com' ? { username: 'u', password: 'p' } : null);
  }
  override repositoryCredential() {
    return Promise.resolve(null);
  }
}

interface PollOptions {
  readonly pollId?: string;
  readonly waitSeconds?: number;
  readonly slots?: number;
  readonly draining?: boolean;
  readonly host?: boolean;
  readonly gone?: AbortSignal;
}

type Runner = { kind: 'runner'; runnerId: string; poolId: string };

/** All of dispatch as one server process has it, with a pool and a listening connection of its own. */
export class DispatchReplica {
  readonly db;
  readonly transactions: Transactions;
  readonly secrets = new FixedSecrets();
  readonly waiting = new WaitingPolls(new UuidV7());
  readonly dispatch: Dispatch;
  readonly returnLease: ReturnLease;
  readonly polls: PollForLease;
  readonly answer: AnswerPoll;
  readonly build: BuildLease;
  readonly endAttempt: EndAttempt;
  readonly expire: ExpireLeases;
  readonly reconcile: Reconcile;
  readonly vouch: VouchForPolls;
  readonly runs: RunStore;
  readonly outbox: Outbox;
  readonly #notifications: PgNotifications;

  constructor(
    database: TestDatabase,
    settings = new DispatchSettings({ sweepMs: 100 }),
    clock: Clock = new SystemClock(),
  ) {
    this.db = openDatabase(database.url, 5);
    this.transactions = new Transactions(this.db);
    const [ids, signal] = [new UuidV7(), new OutboxSignal()];
    this.outbox = new Outbox(signal);
    this.#notifications = new PgNotifications(database.url, this.db);
    const states = new RunStates();
    this.runs = new RunStore(clock, ids, this.outbox, states);
    this.dispatch = new Dispatch(this.transactions, new GrantLeases(settings), this.waiting, this.#notifications);
    this.returnLease = new ReturnLease(this.transactions, this.outbox);
    this.polls = new PollForLease(
      this.db,
      this.transactions,
      this.dispatch,
      this.waiting,
      this.returnLease,
      settings,
      clock,
    );
    this.build = new BuildLease(
      this.db,
      this.secrets,
      settings,
      states,
      new FindUsedArtifacts(this.db),
      new StorageSettings(),
    );
    this.endAttempt = new EndAttempt(this.runs);
    this.answer = new AnswerPoll(this.polls, this.build, this.returnLease, this.endAttempt, this.transactions, clock);
    this.expire = new ExpireLeases(this.db, this.transactions, this.endAttempt, this.outbox, settings);
    this.vouch = new VouchForPolls(this.db, this.waiting, this.#notifications, settings);
    this.reconcile = new Reconcile(
      this.db,
      this.transactions,
      this.expire,
      new AssignPools(this.outbox),
      this.dispatch,
      signal,
      settings,
    );
  }

  start(): Promise<void> {
    return this.vouch.start();
  }

  poll(runner: Runner, options: PollOptions = {}): Promise<LeaseGrant | null> {
    const {
      pollId = new UuidV7().next(),
      waitSeconds = 5,
      slots = 1,
      draining = false,
      host = false,
      gone = new AbortController().signal,
    } = options;
    return this.answer.answer(runner, { pollId, waitSeconds, slots, draining, host }, gone);
  }

  async close(): Promise<void> {
    this.polls.stop();
    await this.vouch.stop();
    await this.reconcile.stop();
    await this.#notifications.close();
    await this.db.destroy();
  }
}
