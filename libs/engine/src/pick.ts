import type { Instant } from './run.ts';
import type { Trust } from './plan.ts';

export interface ReadyAttempt {
  readonly attemptId: string;
  readonly teamId: string;
  readonly trust: Trust;
  readonly labels: readonly string[];
  /** Only a runner that offers its machine itself will do; absent = in a container. */
  readonly host?: boolean;
  /** `priorityRank`: higher goes first inside a team. */
  readonly priority: number;
  /** Names of the limits it counts against; those without a limit may be left out. */
  readonly limits?: readonly string[];
  readonly readyAt: Instant;
}

/** A runner's long poll that is waiting for an answer. Labels, trust and team come from the server's record of the runner, never from its claim. */
export interface WaitingPoll {
  readonly pollId: string;
  readonly runnerId: string;
  readonly trust: Trust;
  readonly labels: readonly string[];
  /** The runner announced that it runs jobs on its machine itself, and its pool is trusted; absent = it does not. */
  readonly host?: boolean;
  /** null = a shared runner that serves every team. */
  readonly teamId: string | null;
  readonly since: Instant;
}

export interface Match {
  readonly attemptId: string;
  readonly pollId: string;
}
