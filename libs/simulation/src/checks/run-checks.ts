import { checkRunEvent, checkRunMoves, checkRunState, hold } from '@sluice/engine/testing';
import { evolveRun, isHeld, isTerminal, type RunEffect, type RunEvent, type RunState } from '@sluice/engine';
import type { Change } from '../kernel/store.ts';
import type { OutboxRow, Tables } from '../product/tables.ts';

/** One run, commit by commit. */
export class RunChecks {
  readonly #releases = new Map<string, RunEffect[]>();
  readonly #pushed = new Set<string>();
  readonly #looked = new Set<string>();
  readonly #note: (line: string) => void;

  constructor(note: (line: string) => void) {
    this.#note = note;
  }

  looked(runId: string, commit: string): void {
    this.#looked.add(`${runId} ${commit}`);
  }

  changed({ before, after }: Change<Tables, 'runs'>, changes: readonly Change<Tables>[]): void {
    if (!after) return;
    const { id } = after;
    const stored = changes.find(({ table, after: row }) => table === 'runEvents' && row?.id === id) as
      Change<Tables, 'runEvents'> | undefined;
    const old = before?.version ?? 0;
    // A decision may have effects alone: an ended run that calls its release back.
    if (!stored && before) return hold('I01', after.version === old, () => `${id} has a new version without events`);
    const events = stored?.after?.events ?? [];
    hold(
      'I01',
      events.length === after.version,
      () => `${id} has version ${after.version} and ${events.length} events`,
    );
    hold('I01', (stored?.before?.events.length ?? 0) === old, () => `${id} had events beyond its version`);
    let state: RunState | undefined = before?.state;
    hold(
      'I02',
      !before || !isTerminal(before.state.status) || after.version === old,
      () => `${id} changed after its end`,
    );
    for (const event of events.slice(old)) {
      this.#note(
        `${id} ${event.type} ${JSON.stringify({ ...event, v: undefined, at: undefined, type: undefined, plan: undefined, identity: undefined })}`,
      );
      if (state) {
        checkRunEvent(state, event);
        if (event.type === 'run-admitted') this.#admitted(state);
        if (event.type === 'cancel-requested' && isHeld(state)) this.#pushed.delete(pushKey(state));
      }
      const next = evolveRun(state, event);
      if (state) checkRunMoves(state, next);
      state = next;
    }
    hold(
      'I34',
      state?.version === after.version && state.status === after.state.status,
      () => `${id} is not the fold of its events`,
    );
    checkRunState(after.state, this.#effects(id, changes));
    if (!before) this.#created(after.state);
    const audited = changes.some(({ table }) => table === 'audit');
    const asked = events.slice(old).some((event) => isAsked(event));
    hold(
      'I27',
      audited || (!asked && (before !== undefined || after.state.trigger.kind !== 'rerun')),
      () => `nobody wrote down who changed ${id}`,
    );
  }

  #admitted({ runId, commit }: RunState): void {
    hold('I24', this.#looked.has(`${runId} ${commit}`), () => `${runId} was let go, and nobody had seen ${commit}`);
  }

  /** A held run that was ended may be made anew: the head of the pull request came back. */
  #created(state: RunState): void {
    if (state.trigger.kind !== 'push') return;
    const key = pushKey(state);
    hold('I20', !this.#pushed.has(key), () => `${state.runId} is a second run of the same push of ${key}`);
    this.#pushed.add(key);
  }

  #effects(runId: string, changes: readonly Change<Tables>[]): readonly RunEffect[] {
    const known = this.#releases.get(runId) ?? [];
    for (const { table, before, after } of changes) {
      const message = after as OutboxRow | undefined;
      if (table !== 'outbox' || before || message?.topic !== 'make-release') continue;
      if ((message.payload as { runId: string }).runId === runId) known.push({ type: 'make-release' });
    }
    this.#releases.set(runId, known);
    return known;
  }
}

function pushKey({ serviceId, trust, commit }: RunState): string {
  return `${serviceId} ${trust} ${commit}`;
}

/** By a person, who is on record for it. */
function isAsked(event: RunEvent): boolean {
  if (event.type === 'run-admitted') return true;
  return event.type === 'cancel-requested' && event.supersededBy === undefined && event.by.kind !== 'system';
}
