import type { Instant } from '@sluice/engine';

export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

/** The container of this deployment. */
export interface NewContainer {
  readonly id: string;
  readonly state: ContainerState;
  readonly exitCode: number | null;
  readonly outOfMemory: boolean;
  /** How often the engine restarted it because it ended. */
  readonly restarts: number;
  /** By the engine's clock: only compared with itself. */
  readonly startedAt: string | null;
  readonly imageId: string;
  /** Label `sluice.digest`. */
  readonly digest: string;
  /** The engine's health state; null when the image declares no check. */
  readonly health: 'starting' | 'healthy' | 'unhealthy' | null;
  /** Answer of `healthPath`; null when it was not asked. */
  readonly probe: { readonly ok: boolean; readonly text: string } | null;
  /** Last lines of its log, masked. */
  readonly log: string;
}

/** A container of the same service and environment that another deployment made. */
export interface OldContainer {
  readonly id: string;
  readonly name: string;
  readonly state: ContainerState;
}

export interface DockerWorld {
  /** The image as the engine holds it under `repository@digest`; null when it does not. */
  readonly image: { readonly id: string; readonly repoDigests: readonly string[] } | null;
  readonly networkExists: boolean;
  readonly mine: NewContainer | null;
  /** Newest first. */
  readonly others: readonly OldContainer[];
}

export type DockerAction =
  | { readonly name: 'pull' }
  | { readonly name: 'ensure-network' }
  | { readonly name: 'create' }
  | { readonly name: 'stop-old'; readonly id: string }
  | { readonly name: 'start'; readonly id: string }
  | { readonly name: 'remove-old'; readonly id: string }
  | { readonly name: 'remove-new'; readonly id: string }
  | { readonly name: 'start-old'; readonly id: string };
export type DockerActionName = DockerAction['name'];

/** The engine answered no. `final`: the same call will be answered the same way. */
export type Refusal = {
  readonly count: number;
  readonly first: Instant;
  readonly last: Instant;
  readonly text: string;
  readonly final: boolean;
};

export type Failure = {
  readonly outcome: 'failed' | 'errored';
  readonly code: string;
  /** One sentence. */
  readonly why: string;
  readonly log: string;
};

export type DockerMemory = {
  /** The container to go back to, settled before the first change; null when there was none. */
  readonly previous?: { readonly id: string; readonly name: string } | null;
  /** Id of our container once the engine named it. */
  readonly created?: string;
  /** The running service was, or may have been, touched: an end without the new one must bring the previous one back. */
  readonly touched?: boolean;
  readonly startedAt?: Instant;
  readonly healthUntil?: Instant;
  /** `startedAt` of the engine at the first look, and how often it changed: the engine itself was restarted. */
  readonly seenStart?: string;
  readonly engineRestarts?: number;
  /** Taken once: a crash never turns a verdict around by looking again. */
  readonly verdict?: 'healthy' | Failure;
  readonly refusals?: { readonly [Name in DockerActionName]?: Refusal };
};

export function isUp(state: ContainerState): boolean {
  return state === 'running' || state === 'paused' || state === 'restarting';
}
