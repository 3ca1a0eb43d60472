/** What is found when the faults are over and everything has come to rest: rows, logs, containers. */
export interface Stored {
  readonly deliveries: readonly StoredDelivery[];
  readonly runs: readonly StoredRun[];
  /** In the order of run and sequence. */
  readonly runEvents: readonly StoredRunEvent[];
  readonly attempts: readonly StoredAttempt[];
  readonly lanes: readonly StoredLane[];
  /** In the order of lane and sequence. */
  readonly laneEvents: readonly StoredLaneEvent[];
  /** Containers of failed jobs that were kept. */
  readonly kept: readonly StoredKept[];
  /** Messages that are still on their way. */
  readonly outbox: number;
  /** Containers of lanes in the engine, stopped ones too. */
  readonly containers: readonly LaneContainer[];
  /** What runners that have stopped left in the engine, one line each. */
  readonly leftovers: readonly string[];
}

export interface StoredDelivery {
  readonly id: string;
  readonly status: string;
  readonly message: string | null;
}

export interface StoredRun {
  readonly id: string;
  readonly service: string;
  readonly commit: string;
  readonly number: number;
  readonly status: string;
  /** Events it says to have. */
  readonly version: number;
  /** Made by a push, not by a person. */
  readonly pushed: boolean;
  /** Codes of what it waits for, by its own word. */
  readonly waitsFor: readonly string[];
}

export interface StoredRunEvent {
  readonly run: string;
  readonly sequence: number;
  readonly type: string;
  readonly stage?: string;
  readonly status?: string;
}

export interface StoredAttempt {
  readonly id: string;
  readonly run: string;
  readonly job: string;
  readonly number: number;
  readonly status: string;
  readonly epoch: number;
  /** The stored result; null when its runner never gave one. */
  readonly result: { readonly outcome: string; readonly logSha256: string } | null;
  readonly sealedSha256: string | null;
  readonly log: Buffer;
}

export interface StoredLane {
  readonly id: string;
  readonly service: string;
  readonly environment: string;
  readonly version: number;
  readonly liveDeployment: string | null;
  readonly open: readonly { readonly id: string; readonly status: string }[];
}

export interface StoredLaneEvent {
  readonly lane: string;
  readonly sequence: number;
  readonly type: string;
  readonly deployment?: string;
  readonly userId?: string;
}

export interface StoredKept {
  readonly attempt: string;
  readonly hasEnded: boolean;
  /** What the audit trail says of it, in order: `debug.open` and `debug.close` with the shell behind it. */
  readonly onRecord: readonly string[];
  readonly shells: readonly { readonly id: string; readonly isClosed: boolean }[];
}

export interface LaneContainer {
  readonly service: string;
  readonly environment: string;
  readonly deployment: string;
  readonly isRunning: boolean;
}
