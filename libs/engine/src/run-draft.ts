import { RUN_VERSION } from './run.ts';
import type { DecideContext, Decision, RunEffect, RunEvent, RunState } from './run.ts';
import { evolveRun } from './evolve-run.ts';

type Body<E> = E extends unknown ? Omit<E, 'v' | 'at'> : never;
type RunEventBody = Body<RunEvent>;

export type RunDecision = Decision<RunEvent, RunEffect>;

/**
 * A decision in the making: each emitted event is applied at once, so that what follows is decided on the state
 * that a reader of the history would see, never on a guess of it.
 */
export interface RunDraft {
  readonly state: RunState;
  readonly ctx: DecideContext;
  emit(body: RunEventBody): void;
  effect(effect: RunEffect): void;
  accepted(): RunDecision;
}

export function draftRun(from: RunState, ctx: DecideContext): RunDraft {
  return draft(from, [], ctx);
}

export function draftNewRun(created: Extract<RunEventBody, { type: 'run-created' }>, ctx: DecideContext): RunDraft {
  const event = { ...created, v: RUN_VERSION, at: ctx.now } as const;
  return draft(evolveRun(undefined, event), [event], ctx);
}

function draft(from: RunState, events: RunEvent[], ctx: DecideContext): RunDraft {
  const effects: RunEffect[] = [];
  let state = from;
  return {
    get state() {
      return state;
    },
    ctx,
    emit(body) {
      const event = { ...body, v: RUN_VERSION, at: ctx.now } as RunEvent;
      state = evolveRun(state, event);
      events.push(event);
    },
    effect(effect) {
      effects.push(effect);
    },
    accepted: () => ({ kind: 'accepted', events, effects }),
  };
}

export function ignored(why: string): { readonly kind: 'ignored'; readonly why: string } {
  return { kind: 'ignored', why };
}

export function rejected<Code extends string>(
  code: Code,
  message: string,
): { readonly kind: 'rejected'; readonly code: Code; readonly message: string } {
  return { kind: 'rejected', code, message };
}
