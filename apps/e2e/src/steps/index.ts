import { artifact } from './artifacts.ts';
import { check } from './checks.ts';
import { endKept, keptAudit, keptEnded, shell } from './debug.ts';
import { forgeFails, forgeShows, reportStatuses } from './forge.ts';
import { admit, lookForPushes, tell } from './forge-events.ts';
import { approve, look, reject } from './gate.ts';
import { githubShows, reportChecks } from './github-checks.ts';
import { limit } from './limits.ts';
import { log } from './logs.ts';
import { push } from './push.ts';
import { ask } from './requests.ts';
import {
  awaitRunnerEnd,
  drainRunner,
  killRunner,
  lateResult,
  poolLoad,
  remoteEngineUsed,
  runnerContainers,
  servedWarm,
  startRunner,
  warmContainer,
} from './runners.ts';
import { growOld } from './retention.ts';
import { cancel, rerun, startRun } from './runs.ts';
import { arm, disarm, flushQueue, killServers, restartDatabase, restartQueue } from './servers.ts';
import { changeEnvironment, secret } from './settings.ts';
import type { StepKind } from './step-kind.ts';
import { waitFor } from './wait-for.ts';
import { announce } from './webhooks.ts';

const kinds: readonly StepKind[] = [
  push,
  announce,
  tell,
  lookForPushes,
  admit,
  waitFor,
  check,
  log,
  growOld,
  artifact,
  look,
  approve,
  reject,
  cancel,
  rerun,
  startRun,
  limit,
  secret,
  changeEnvironment,
  ask,
  reportStatuses,
  forgeFails,
  forgeShows,
  reportChecks,
  githubShows,
  killRunner,
  drainRunner,
  awaitRunnerEnd,
  startRunner,
  poolLoad,
  runnerContainers,
  lateResult,
  remoteEngineUsed,
  warmContainer,
  servedWarm,
  shell,
  endKept,
  keptAudit,
  keptEnded,
  killServers,
  arm,
  disarm,
  flushQueue,
  restartQueue,
  restartDatabase,
];

/** Every verb that a scenario file may use. */
export const stepKinds: ReadonlyMap<string, StepKind> = new Map(kinds.map((kind) => [kind.verb, kind]));
