import type { Match, ReadyAttempt, WaitingPoll } from './pick.ts';
import type { Instant } from './run.ts';

/** A wait this long lifts an attempt by one level of priority, so that background work is never starved. */
export const LIFT_AFTER_MS = 30 * 60_000;

/** What goes on beside these lists; each is counted in the transaction that grants. */
export interface Contention {
  /** Running attempts per team, 0 where absent. */
  readonly running?: ReadonlyMap<string, number>;
  /** When each team was last given a runner of this pool; where absent, never. */
  readonly servedAt?: ReadonlyMap<string, Instant>;
  /** How many more attempts each limit allows, any number where absent. */
  readonly room?: ReadonlyMap<string, number>;
}

/**
 * Matches ready attempts with waiting polls, each at most once. Order among attempts: the team with the fewest running
 * attempts first (those matched here included), of several the one whose last turn is longest ago, then priority, then age,
 * then id. Without the turns a long queue on a single runner would be served to its end: each time the runner comes free,
 * every team has none running. Among polls that fit: fewest labels beyond the need, a runner that offers no more than containers, a team's own runner before a shared one,
 * the longest wait, then id. The answer does not depend on the order of the arguments, and no attempt that fits a poll is
 * left over while that poll is, unless a limit holds it.
 */
export function pick(
  ready: readonly ReadyAttempt[],
  waiting: readonly WaitingPoll[],
  now: Instant,
  contention: Contention = {},
): Match[] {
  const polls = waiting.map(describePoll).toSorted(comparePolls);
  const groups = polls.length === 0 ? [] : groupByNeed(ready, polls, now);
  const books = openBooks(contention);
  const matches: Match[] = [];
  for (let group = first(groups, books); group; group = first(groups, books)) {
    const attempt = group.attempts[group.next++];
    const poll = group.fits.find((candidate) => !candidate.taken);
    if (!attempt || !poll) break;
    poll.taken = true;
    for (const other of poll.fittedBy) other.pollsLeft--;
    books.running.set(group.teamId, (books.running.get(group.teamId) ?? 0) + 1);
    books.turns.set(group.teamId, Date.parse(now) + matches.length);
    for (const limit of group.limits) {
      const left = books.room.get(limit);
      if (left !== undefined) books.room.set(limit, left - 1);
    }
    matches.push({ attemptId: attempt.attemptId, pollId: poll.pollId });
  }
  return matches;
}

/** The contention as it becomes with each match. */
interface Books {
  readonly running: Map<string, number>;
  /** Milliseconds; later = served more lately. */
  readonly turns: Map<string, number>;
  readonly room: Map<string, number>;
}

function openBooks({ running, servedAt = new Map(), room }: Contention): Books {
  const turns = [...servedAt].map(([team, at]): [string, number] => [team, Date.parse(at)]);
  return { running: new Map(running), turns: new Map(turns), room: new Map(room) };
}

interface Poll {
  readonly pollId: string;
  readonly poll: WaitingPoll;
  readonly labels: ReadonlySet<string>;
  readonly fittedBy: Need[];
  taken: boolean;
}

interface Ranked {
  readonly attemptId: string;
  readonly rank: number;
  readonly readyAt: Instant;
}

/** Attempts of one team that need the same: one look at the polls serves them all. */
interface Need {
  readonly teamId: string;
  readonly limits: readonly string[];
  readonly attempts: Ranked[];
  readonly fits: readonly Poll[];
  next: number;
  pollsLeft: number;
}

function describePoll(poll: WaitingPoll): Poll {
  return { pollId: poll.pollId, poll, labels: new Set(poll.labels), fittedBy: [], taken: false };
}

/** All polls that fit a need hold its labels, so the fewest labels in all are the fewest beyond the need. */
function comparePolls(a: Poll, b: Poll): number {
  return (
    a.labels.size - b.labels.size ||
    Number(a.poll.host ?? false) - Number(b.poll.host ?? false) ||
    Number(a.poll.teamId === null) - Number(b.poll.teamId === null) ||
    compareText(a.poll.since, b.poll.since) ||
    compareText(a.pollId, b.pollId)
  );
}

function groupByNeed(ready: readonly ReadyAttempt[], polls: readonly Poll[], now: Instant): Need[] {
  const needs = new Map<string, Need>();
  for (const attempt of ready) {
    const { teamId, trust, limits = [], host = false } = attempt;
    const key = JSON.stringify([
      teamId,
      trust,
      host,
      limits.toSorted(compareText),
      ...attempt.labels.toSorted(compareText),
    ]);
    let need = needs.get(key);
    if (!need) needs.set(key, (need = newNeed(attempt, polls)));
    if (need.pollsLeft > 0) need.attempts.push(ranked(attempt, now));
  }
  const fitting = [...needs.values()].filter(({ pollsLeft }) => pollsLeft > 0);
  for (const { attempts } of fitting) attempts.sort(compareAttempts);
  return fitting;
}

function newNeed({ teamId, trust, labels, host = false, limits = [] }: ReadyAttempt, polls: readonly Poll[]): Need {
  const fits = polls.filter(
    (candidate) =>
      candidate.poll.trust === trust &&
      (!host || (trust === 'trusted' && candidate.poll.host === true)) &&
      (candidate.poll.teamId === null || candidate.poll.teamId === teamId) &&
      labels.every((label) => candidate.labels.has(label)),
  );
  const need: Need = { teamId, limits, attempts: [], fits, next: 0, pollsLeft: fits.length };
  for (const poll of fits) poll.fittedBy.push(need);
  return need;
}

function ranked({ attemptId, priority, readyAt }: ReadyAttempt, now: Instant): Ranked {
  const waited = Date.parse(now) - Date.parse(readyAt);
  return { attemptId, readyAt, rank: priority + Math.max(0, Math.floor(waited / LIFT_AFTER_MS)) };
}

/** One pass over the heads per match: the number of matches is bounded by the polls, not by the ready attempts. */
function first(needs: readonly Need[], { running, turns, room }: Books): Need | undefined {
  let best: { readonly need: Need; readonly head: Ranked; readonly load: number; readonly turn: number } | undefined;
  for (const need of needs) {
    const head = need.pollsLeft > 0 ? need.attempts[need.next] : undefined;
    if (!head || need.limits.some((limit) => (room.get(limit) ?? 1) <= 0)) continue;
    const load = running.get(need.teamId) ?? 0;
    const turn = turns.get(need.teamId) ?? 0;
    const order = best && (load - best.load || turn - best.turn || compareAttempts(head, best.head));
    if (order === undefined || order < 0) best = { need, head, load, turn };
  }
  return best?.need;
}

function compareAttempts(a: Ranked, b: Ranked): number {
  return b.rank - a.rank || compareText(a.readyAt, b.readyAt) || compareText(a.attemptId, b.attemptId);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
