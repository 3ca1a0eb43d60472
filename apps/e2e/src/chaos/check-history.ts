import { createHash } from 'node:crypto';
import { countedText, type Acknowledged, type History } from './history.ts';
import type { Stored, StoredAttempt, StoredRun } from './stored.ts';

/** The invariant of docs/reliability.md that does not hold, and where. */
export interface Violation {
  readonly invariant: string;
  readonly what: string;
}

type Check = (history: History, stored: Stored) => Iterable<Violation>;

const ENDED = new Set(['passed', 'failed', 'errored', 'cancelled', 'superseded', 'skipped']);
/** A person holds it up: what may be waited for when everything has come to rest. */
const FOR_PEOPLE = new Set(['approval', 'behind-deployment']);

/** Holds what was acknowledged against what is there in the end. Nothing in here asks a server. */
export function checkHistory(history: History, stored: Stored): Violation[] {
  return CHECKS.flatMap((check) => [...check(history, stored)]);
}

const CHECKS: readonly Check[] = [
  everyWebhookHasItsRun,
  oneRunOfAPush,
  everyResultIsTheStoredOne,
  everyDecisionIsThere,
  stagesPassOnce,
  noLogByteIsLost,
  oneActiveDeployment,
  oneContainerPerLiveLane,
  everyKeepEnds,
  everyRunEnds,
  eventsAreGapless,
  nothingIsLeft,
];

function* everyWebhookHasItsRun({ acknowledged, pushed }: History, { deliveries, runs }: Stored): Iterable<Violation> {
  const rows = new Map(deliveries.map((row) => [row.id, row]));
  const order = new Map(pushed.map(({ service, commit }, index) => [`${service} ${commit}`, index]));
  for (const { service, commit, delivery } of ofKind(acknowledged, 'webhook')) {
    const what = `the acknowledged delivery ${delivery} of ${service} ${commit.slice(0, 12)}`;
    const row = rows.get(delivery);
    const isThere = runs.some((run) => run.service === service && run.commit === commit && run.pushed);
    // An older push that is announced after a newer one makes no run of its own (I21).
    const isOvertaken = runs.some(
      (run) =>
        run.service === service && (order.get(`${service} ${run.commit}`) ?? -1) > order.get(`${service} ${commit}`)!,
    );
    if (row === undefined) yield { invariant: 'I22', what: `${what} is not stored` };
    else if (row.status === 'planned' && isThere) continue;
    else if (row.status === 'ignored' && (isThere || isOvertaken)) continue;
    else
      yield { invariant: 'I22', what: `${what} is ${row.status} without a run: ${row.message ?? 'no reason given'}` };
  }
}

function* oneRunOfAPush(_: History, { runs }: Stored): Iterable<Violation> {
  const ofPushes = Map.groupBy(
    runs.filter(({ pushed }) => pushed),
    ({ service, commit }) => `${service} ${commit}`,
  );
  for (const [push, made] of ofPushes)
    if (made.length > 1)
      yield { invariant: 'I20', what: `${push} has ${made.length} runs: ${made.map(({ number }) => number).join()}` };
}

function* everyResultIsTheStoredOne({ acknowledged }: History, { attempts }: Stored): Iterable<Violation> {
  const rows = byId(attempts);
  for (const { attempt, epoch, outcome, logSha256 } of ofKind(acknowledged, 'result')) {
    const row = rows.get(attempt);
    const what = `the acknowledged result ${outcome} of attempt ${attempt}`;
    if (row === undefined || row.result === null) yield { invariant: 'I22', what: `${what} is not stored` };
    else if (row.result.outcome !== outcome || row.result.logSha256 !== logSha256)
      yield { invariant: 'I22', what: `${what} is stored as ${row.result.outcome}` };
    else if (row.epoch !== epoch)
      yield { invariant: 'I06', what: `${what} came with epoch ${epoch}, and ${row.epoch} is stored` };
  }
}

function* everyDecisionIsThere({ acknowledged }: History, stored: Stored): Iterable<Violation> {
  const { laneEvents, runEvents, runs } = stored;
  for (const type of ['approve', 'reject'] as const) {
    const event = type === 'approve' ? 'approved' : 'rejected';
    for (const { deployment, userId } of ofKind(acknowledged, type))
      if (!laneEvents.some((one) => one.type === event && one.deployment === deployment && one.userId === userId))
        yield { invariant: 'I22', what: `the acknowledged ${type} of ${deployment} by ${userId} is not stored` };
  }
  for (const { run } of ofKind(acknowledged, 'cancel'))
    if (!runEvents.some((one) => one.type === 'cancel-requested' && one.run === run))
      yield { invariant: 'I22', what: `the acknowledged cancel of run ${run} is not stored` };
  for (const { run } of ofKind(acknowledged, 'rerun'))
    if (!runs.some(({ id }) => id === run))
      yield { invariant: 'I22', what: `the acknowledged re-run ${run} is not stored` };
}

function* stagesPassOnce(_: History, { runEvents, attempts }: Stored): Iterable<Violation> {
  const passed = new Map<string, number>();
  for (const { run, type, stage, status } of runEvents)
    if (type === 'stage-ended' && status === 'passed')
      passed.set(`stage ${stage} of run ${run}`, (passed.get(`stage ${stage} of run ${run}`) ?? 0) + 1);
  for (const { run, job, status } of attempts)
    if (status === 'passed') passed.set(`job ${job} of run ${run}`, (passed.get(`job ${job} of run ${run}`) ?? 0) + 1);
  for (const [what, times] of passed) if (times > 1) yield { invariant: 'I05', what: `${what} passed ${times} times` };
}

function* noLogByteIsLost({ acknowledged, counted }: History, { attempts, runs }: Stored): Iterable<Violation> {
  const rows = byId(attempts);
  for (const { attempt, offset, length, sha256 } of ofKind(acknowledged, 'log')) {
    const log = rows.get(attempt)?.log ?? Buffer.alloc(0);
    if (sha256Of(log.subarray(offset, offset + length)) !== sha256)
      yield {
        invariant: 'I22',
        what: `the acknowledged log bytes ${offset} to ${offset + length} of attempt ${attempt} are not those stored (${log.length} bytes)`,
      };
  }
  const commits = new Map(runs.map(({ id, commit }) => [id, commit]));
  for (const attempt of attempts) yield* wholeLog(attempt, counted, commits.get(attempt.run) ?? '');
}

function* wholeLog(attempt: StoredAttempt, counted: History['counted'], commit: string): Iterable<Violation> {
  if (attempt.status !== 'passed') return;
  const what = `the log of ${attempt.job}, attempt ${attempt.id}`;
  if (attempt.result?.logSha256 !== sha256Of(attempt.log))
    yield { invariant: 'I10', what: `${what}, is not what its runner declared` };
  if (attempt.sealedSha256 !== sha256Of(attempt.log))
    yield { invariant: 'I10', what: `${what}, is not what was sealed` };
  if (attempt.job === counted.job && !attempt.log.includes(countedText(commit, counted.lines)))
    yield { invariant: 'I10', what: `${what}, lacks some of the ${counted.lines} lines that were printed` };
}

function* oneActiveDeployment(_: History, { lanes, laneEvents }: Stored): Iterable<Violation> {
  const active = new Map<string, string>();
  for (const { lane, type, deployment } of laneEvents) {
    const before = active.get(lane);
    if (type === 'deployment-started' && before !== undefined)
      yield { invariant: 'I13', what: `${deployment} started in lane ${lane} while ${before} was active` };
    if (type === 'deployment-started') active.set(lane, deployment!);
    if (type === 'deployment-ended' && before === deployment) active.delete(lane);
  }
  for (const { id, open } of lanes) {
    const running = open.filter(({ status }) => status === 'running' || status === 'unknown');
    if (running.length > 1) yield { invariant: 'I13', what: `lane ${id} has ${running.length} active deployments` };
    if (running.length > 0) yield { invariant: 'I30', what: `lane ${id} is still held by ${running[0]!.id}` };
  }
}

function* oneContainerPerLiveLane(_: History, { lanes, containers }: Stored): Iterable<Violation> {
  for (const { service, environment, liveDeployment } of lanes) {
    const found = containers.filter((one) => one.service === service && one.environment === environment);
    const live = found.filter((one) => one.isRunning && one.deployment === liveDeployment);
    if (liveDeployment !== null && live.length !== 1)
      yield {
        invariant: 'I13',
        what: `${service} in ${environment} has ${live.length} running containers of its live deployment ${liveDeployment}`,
      };
    for (const { deployment } of found)
      if (deployment !== liveDeployment)
        yield { invariant: 'I31', what: `${service} in ${environment} keeps a container of ${deployment}` };
  }
}

/** Each thing is on record once: first the keeping, last its end, and each shell in between from its opening to its close. */
function* everyKeepEnds({ acknowledged }: History, { kept }: Stored): Iterable<Violation> {
  const rows = new Map(kept.map((row) => [row.attempt, row]));
  for (const { attempt } of ofKind(acknowledged, 'keep'))
    if (!rows.has(attempt))
      yield { invariant: 'I22', what: `the acknowledged keeping of attempt ${attempt} is not stored` };
  for (const { attempt, shell } of ofKind(acknowledged, 'open-shell'))
    if (!rows.get(attempt)?.shells.some(({ id }) => id === shell))
      yield { invariant: 'I22', what: `the acknowledged shell ${shell} in attempt ${attempt} is not stored` };
  for (const { attempt } of ofKind(acknowledged, 'end-kept'))
    if (rows.get(attempt)?.hasEnded !== true)
      yield { invariant: 'I22', what: `the acknowledged end of what is kept of attempt ${attempt} is not stored` };
  for (const { attempt, hasEnded, onRecord, shells } of kept) {
    const what = `what is kept of attempt ${attempt}`;
    if (!hasEnded) yield { invariant: 'I31', what: `${what} has no end` };
    const open = shells.filter(({ isClosed }) => !isClosed);
    if (open.length > 0) yield { invariant: 'I31', what: `${what} has ${open.length} open shells` };
    const should = [
      'debug.keep',
      ...shells.flatMap(({ id }) => [`debug.open ${id}`, `debug.close ${id}`]),
      'debug.end',
    ];
    const inOrder =
      onRecord[0] === 'debug.keep' &&
      onRecord.at(-1) === 'debug.end' &&
      shells.every(({ id }) => onRecord.indexOf(`debug.open ${id}`) < onRecord.indexOf(`debug.close ${id}`));
    if (!inOrder || onRecord.toSorted().join() !== should.toSorted().join())
      yield { invariant: 'I27', what: `${what} is on record as ${onRecord.join(', ')}` };
  }
}

function* everyRunEnds(_: History, { runs }: Stored): Iterable<Violation> {
  for (const run of runs) if (!ENDED.has(run.status) && !waitsForPeople(run)) yield stuck(run);
}

function waitsForPeople({ waitsFor }: StoredRun): boolean {
  return waitsFor.length > 0 && waitsFor.every((code) => FOR_PEOPLE.has(code));
}

function stuck({ service, number, status, waitsFor }: StoredRun): Violation {
  const why = waitsFor.length === 0 ? 'names nothing that it waits for' : `waits for ${waitsFor.join(', ')}`;
  return {
    invariant: waitsFor.length === 0 ? 'I07' : 'I28',
    what: `run ${number} of ${service} is ${status} and ${why}`,
  };
}

function* eventsAreGapless(_: History, { runs, runEvents, lanes, laneEvents }: Stored): Iterable<Violation> {
  const ofRuns = Map.groupBy(runEvents, ({ run }) => run);
  for (const { id, version } of runs) yield* gaps(`run ${id}`, version, ofRuns.get(id) ?? []);
  const ofLanes = Map.groupBy(laneEvents, ({ lane }) => lane);
  for (const { id, version } of lanes) yield* gaps(`lane ${id}`, version, ofLanes.get(id) ?? []);
}

function* gaps(what: string, version: number, events: readonly { readonly sequence: number }[]): Iterable<Violation> {
  const wrong = events.findIndex(({ sequence }, index) => sequence !== index + 1);
  if (wrong >= 0) yield { invariant: 'I01', what: `${what} has no event ${wrong + 1}` };
  else if (events.length !== version)
    yield { invariant: 'I01', what: `${what} says ${version} events and has ${events.length}` };
}

function* nothingIsLeft(_: History, { outbox, leftovers }: Stored): Iterable<Violation> {
  if (outbox > 0) yield { invariant: 'I32', what: `${outbox} messages are still in the outbox` };
  for (const what of leftovers) yield { invariant: 'I31', what: `the engine still has ${what}` };
}

function ofKind<K extends Acknowledged['kind']>(
  acknowledged: readonly Acknowledged[],
  kind: K,
): (Acknowledged & { kind: K })[] {
  return acknowledged.filter((call): call is Acknowledged & { kind: K } => call.kind === kind);
}

function byId<T extends { readonly id: string }>(rows: readonly T[]): Map<string, T> {
  return new Map(rows.map((row) => [row.id, row]));
}

function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
