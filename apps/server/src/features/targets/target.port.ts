import type { Instant } from '@sluice/engine';

/** A value that survives being stored as JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** What is to be made true, fixed before the first call to the target and stored in `deployments.intent`. */
export interface DeploymentIntent {
  readonly v: 1;
  /** Which target carries it out. */
  readonly kind: string;
  readonly deploymentId: string;
  readonly teamId: string;
  readonly serviceId: string;
  readonly environmentId: string;
  readonly service: string;
  readonly environment: string;
  readonly runNumber: number;
  readonly commit: string;
  /** Repository without tag or digest; with `digest` the only name under which the image is ever pulled (I15). */
  readonly repository: string;
  readonly digest: string;
  /** The environment's `target` settings, checked by the contract. */
  readonly settings: Json;
}

/** What a deployment must remember between two looks; stored in `deployments.cursor`. */
export interface TargetCursor {
  readonly v: 1;
  /** The target's own facts: ids that the outside world gave, verdicts that must not be taken twice. */
  readonly memory: { readonly [key: string]: Json };
  /** An action whose intention is stored and whose result is not. After a crash it may or may not have happened. */
  readonly pending: { readonly action: string; readonly since: Instant } | null;
  /** Any intention was ever stored: the outside world may hold something of this deployment. */
  readonly acted: boolean;
  /** Since when the target gives no answer. */
  readonly silentSince: Instant | null;
}

export const EMPTY_CURSOR: TargetCursor = { v: 1, memory: {}, pending: null, acted: false, silentSince: null };

/** What every call to a target is given. One context lives as long as one replica drives one deployment. */
export interface TargetContext {
  readonly intent: DeploymentIntent;
  /** Ends long calls that may be repeated without harm (a pull, a probe) when driving must stop. */
  readonly signal: AbortSignal;
  /** Opened when they are needed and kept in memory only. */
  readonly secrets: {
    environment(names: readonly string[]): Promise<OpenedTargetSecrets>;
    /** Credential of one registry (`host[:port]`), null when it needs none. */
    registry(registry: string): Promise<{ readonly username: string; readonly password: string } | null>;
  };
}

export interface OpenedTargetSecrets {
  readonly values: readonly { readonly name: string; readonly value: string }[];
  /** Names that have no value in any scope of the deployment. */
  readonly missing: readonly string[];
}

export interface TargetAction {
  /** Kebab-case; names the failpoints `<kind>:before-<name>` and `<kind>:after-<name>`. */
  readonly name: string;
}

/**
 * What comes next. `memory` replaces the cursor's in the transaction before anything else happens; `text` is one plain
 * sentence for the person who watches.
 */
export type NextStep<Action extends TargetAction = TargetAction> =
  | { readonly kind: 'act'; readonly action: Action; readonly memory: TargetCursor['memory']; readonly text: string }
  /** Look again at this moment, or earlier. */
  | { readonly kind: 'wait'; readonly until: Instant; readonly memory?: TargetCursor['memory']; readonly text?: string }
  | {
      readonly kind: 'ended';
      readonly outcome: TargetOutcome;
      readonly reason: TargetReason | null;
      readonly text: string;
    }
  /** The target answers and cannot tell; the lane stays held and looking goes on. */
  | { readonly kind: 'unknown'; readonly reason: TargetReason; readonly until: Instant };

/** `failed`: the release said no. `errored`: our own trouble, nothing was changed. `rolled-back`: what ran before runs again. */
export type TargetOutcome = 'passed' | 'failed' | 'errored' | 'rolled-back';

export interface TargetReason {
  /** Kebab-case, e.g. `not-healthy`. */
  readonly code: string;
  readonly message: string;
}

export interface ActResult {
  readonly memory: TargetCursor['memory'];
  /** Only when there is more to say than the step said. */
  readonly text?: string;
}

/**
 * One way of making a release live: a container engine, a cloud service, a checked command.
 *
 * The driver calls `observe`, then `next`, and does what `next` says: at most one `act`, then it looks again. Before an
 * `act` the intention is committed (cursor.pending); after it the result is. A crash may fall between any two of these,
 * and then another replica begins with `observe`: so `observe` must recognise what an earlier `act` made, by names, labels
 * or tokens derived from the deployment id, and `next` must never repeat an action that it sees done. `next` is pure: the
 * same world, intent, cursor and time give the same step. A target has one deployment a lane at a time and never two
 * drivers for one deployment.
 *
 * `observe` and `act` throw TargetSilentError when the outside world does not answer or its answer is ambiguous (a
 * time-out): the driver backs off and looks again, and never takes silence for an end. They throw TargetUnusableError when
 * settings or credentials cannot work: if nothing was attempted yet, the deployment ends as `errored`, else looking goes
 * on. An answer that says no is no exception: `act` returns it in `memory` and `next` decides what it means.
 */
export abstract class Target<Observation = unknown, Action extends TargetAction = TargetAction> {
  abstract readonly kind: string;
  /** Looks and changes nothing. */
  abstract observe(context: TargetContext, cursor: TargetCursor): Promise<Observation>;
  abstract next(
    observation: Observation,
    intent: DeploymentIntent,
    cursor: TargetCursor,
    now: Instant,
  ): NextStep<Action>;
  abstract act(context: TargetContext, action: Action, cursor: TargetCursor): Promise<ActResult>;
  /** Lets go of connections opened for this context; the next call opens new ones. */
  abstract disconnect(context: TargetContext): void;
}

/** The target gave no answer, or none that tells whether the call took effect. */
export class TargetSilentError extends Error {
  override readonly name = 'TargetSilentError';
}

/** Settings or credentials with which no call can succeed; the message names the place and the remedy. */
export class TargetUnusableError extends Error {
  override readonly name = 'TargetUnusableError';
}
