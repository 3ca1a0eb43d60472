import { hold } from '@sluice/engine/testing';
import { ATTEMPT_TRANSITIONS, isTerminal } from '@sluice/engine';
import type { Change, Store, Transaction } from '../kernel/store.ts';
import type { LeaseCause } from '../product/attempt-lease.ts';
import type { HeldLease } from '../product/dispatch.ts';
import type { AttemptRow, Tables } from '../product/tables.ts';

/** Attempts, leases and logs, row by row. */
export class AttemptChecks {
  readonly #store: Store<Tables>;
  readonly #numbers = new Map<string, number>();
  readonly #epochs = new Map<string, number>();
  readonly #holders = new Map<string, string>();

  constructor(store: Store<Tables>) {
    this.#store = store;
  }

  changed({ before, after }: Change<Tables, 'attempts'>, unit: Transaction<Tables>): void {
    if (!after) return;
    if (!before) return this.#queued(after);
    if (before.status !== after.status) this.#moved(before, after);
    this.#leased(before, after);
    this.#fenced(before, after, unit.cause as LeaseCause | undefined);
    this.#logged(before, after);
  }

  /** A runner was told of a lease: nobody else may have been told of the same one. */
  leased({ attemptId, epoch, runnerId }: HeldLease): void {
    const key = `${attemptId} ${epoch}`;
    const other = this.#holders.get(key);
    hold('I04', other === undefined || other === runnerId, () => `${key} was given to ${other} and to ${runnerId}`);
    this.#holders.set(key, runnerId);
  }

  #queued({ id, runId, jobKey, number, epoch }: AttemptRow): void {
    const key = `${runId} ${jobKey}`;
    const last = this.#numbers.get(key) ?? 0;
    hold('I03', number === last + 1, () => `${id} of ${key} has the number ${number} after ${last}`);
    this.#numbers.set(key, number);
    const { held, admitted } = this.#store.get('runs', runId)!.state;
    hold('I24', !held || admitted !== undefined, () => `${id} is queued although nobody has let ${runId} go`);
    this.#epochs.set(id, epoch);
  }

  #moved(before: AttemptRow, after: AttemptRow): void {
    const back = before.status === 'running' && after.status === 'queued' && before.startedAt === null;
    hold(
      isTerminal(before.status) ? 'I02' : 'I01',
      back || ATTEMPT_TRANSITIONS[before.status].includes(after.status),
      () => `the row of ${before.id} moved from ${before.status} to ${after.status}`,
    );
    if (after.status !== 'running') return;
    const { id, runnerId, poolId, trust } = after;
    const last = this.#epochs.get(id) ?? 0;
    hold('I04', after.epoch > last, () => `${id} was leased with epoch ${after.epoch} after ${last}`);
    const pool = this.#store.get('pools', poolId ?? '');
    hold('I24', pool?.trust === trust, () => `${id} (${trust}) went to a runner of the pool ${poolId}`);
    const slots = this.#store.get('runners', runnerId ?? '')?.slots ?? 0;
    let used = 0;
    for (const row of this.#store.table('attempts').values())
      if (row.status === 'running' && row.runnerId === runnerId) used += 1;
    hold('I26', used <= slots, () => `${runnerId} holds ${used} leases with ${slots} slots`);
    this.#withinLimits(after);
  }

  /** Counted here from the rows alone, when a lease begins. */
  #withinLimits({ id, teamId, serviceId, runId }: AttemptRow): void {
    const running = [...this.#store.table('attempts').values()].filter(({ status }) => status === 'running');
    const [team, service] = [this.#store.get('teams', teamId), this.#store.get('services', serviceId)];
    const within = (name: string, max: number | null | undefined, count: number) =>
      hold('I26', count <= (max ?? Infinity), () => `${name} has ${count} of ${max} jobs running with ${id}`);
    within(teamId, team?.maxRunning, running.filter((row) => row.teamId === teamId).length);
    within(serviceId, service?.maxRunning, running.filter((row) => row.serviceId === serviceId).length);
    const limit = this.#groupOf(runId);
    if (limit === undefined) return;
    const others = new Set(running.map((row) => row.runId).filter((one) => this.#groupOf(one)?.name === limit.name));
    within(`group ${limit.name}`, limit.max, others.size);
  }

  #groupOf(runId: string): { readonly name: string; readonly max: number } | undefined {
    const state = this.#store.get('runs', runId)?.state;
    const limit = state?.plan.concurrency?.limit;
    return limit && state && { name: `${state.teamId} ${limit.group ?? state.serviceId}`, max: limit.max };
  }

  #leased(before: AttemptRow, after: AttemptRow): void {
    const { id } = after;
    hold('I04', after.epoch >= before.epoch, () => `the epoch of ${id} fell from ${before.epoch} to ${after.epoch}`);
    this.#epochs.set(id, Math.max(this.#epochs.get(id) ?? 0, after.epoch));
    const both = before.status === 'running' && after.status === 'running';
    hold(
      'I04',
      !both || before.runnerId === after.runnerId,
      () => `${id} was taken from ${before.runnerId} for ${after.runnerId} while it was held`,
    );
  }

  #fenced(before: AttemptRow, after: AttemptRow, cause: LeaseCause | undefined): void {
    const wrote = after.result !== before.result || after.log !== before.log || after.startedAt !== before.startedAt;
    if (!cause?.holder || !wrote || cause.kind === 'return') return;
    const { epoch, runnerId } = cause.holder;
    hold(
      'I06',
      epoch === before.epoch && runnerId === before.runnerId,
      () =>
        `${cause.kind} of ${runnerId} with epoch ${epoch} changed ${before.id}, held by ${before.runnerId} with ${before.epoch}`,
    );
    hold(
      'I06',
      cause.kind !== 'result' || before.status === 'running',
      () => `a result changed ${before.id}, which was ${before.status}`,
    );
  }

  #logged(before: AttemptRow, after: AttemptRow): void {
    if (before.log === after.log && before.logSealed === after.logSealed) return;
    const { id, log } = after;
    hold('I10', log.startsWith(before.log), () => `stored bytes of the log of ${id} changed`);
    hold('I10', before.logSealed === 'no', () => `the sealed log of ${id} changed`);
    if (after.logSealed === 'complete')
      hold(
        'I10',
        after.result === null || after.result.log === log,
        () => `the log of ${id} is sealed as complete and is not what was declared`,
      );
    hold(
      'I12',
      !log.slice(Math.max(0, before.log.length - 40)).includes('secret-'),
      () => `the log of ${id} shows a secret`,
    );
  }
}
