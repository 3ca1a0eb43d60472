import type { Match, ReadyAttempt, WaitingPoll } from './pick.ts';
import type { Instant } from './run.ts';

/** A wait this long lifts an attempt by one level of priority, so that background work is never starved. */
const LIFT_AFTER_MS = 30 * 60_000;

/**
 * Matches ready attempts with waiting polls, each at most once. Order among attempts: the team with the fewest running
 * attempts first (those matched here included), then priority, then age, then id. Among polls that fit: fewest labels
 * beyond the need, a team's own runner before a shared one, the longest wait, then id. The answer does not depend on
 * the order of the arguments, and no attempt that fits a poll is left over while that poll is.
 *
 * `load` holds the running attempts per team, 0 where absent.
 */
export function pick(
  ready: readonly ReadyAttempt[],
  waiting: readonly WaitingPoll[],
  now: Instant,
  load: ReadonlyMap<string, number>,
): Match[] {
  const polls = waiting.map(describePoll).toSorted(comparePolls);
  const groups = polls.length === 0 ? [] : groupByNeed(ready, polls, now);
  const running = new Map(load);
  const matches: Match[] = [];
  for (let group = first(groups, running); group; group = first(groups, running)) {
    const attempt = group.attempts[group.next++];
    const poll = group.fits.find((candidate) => !candidate.taken);
    if (!attempt || !poll) break;
    poll.taken = true;
    for (const other of poll.fittedBy) other.pollsLeft--;
    running.set(group.teamId, (running.get(group.teamId) ?? 0) + 1);
    matches.push({ attemptId: attempt.attemptId, pollId: poll.pollId });
  }
  return matches;
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
    Number(a.poll.teamId === null) - Number(b.poll.teamId === null) ||
    compareText(a.poll.since, b.poll.since) ||
    compareText(a.pollId, b.pollId)
  );
}

function groupByNeed(ready: readonly ReadyAttempt[], polls: readonly Poll[], now: Instant): Need[] {
  const needs = new Map<string, Need>();
  for (const attempt of ready) {
    const key = JSON.stringify([attempt.teamId, attempt.trust, ...attempt.labels.toSorted(compareText)]);
    let need = needs.get(key);
    if (!need) needs.set(key, (need = newNeed(attempt, polls)));
    if (need.pollsLeft > 0) need.attempts.push(ranked(attempt, now));
  }
  const fitting = [...needs.values()].filter(({ pollsLeft }) => pollsLeft > 0);
  for (const { attempts } of fitting) attempts.sort(compareAttempts);
  return fitting;
}

function newNeed({ teamId, trust, labels }: ReadyAttempt, polls: readonly Poll[]): Need {
  const fits = polls.filter(
    (candidate) =>
      candidate.poll.trust === trust &&
      (candidate.poll.teamId === null || candidate.poll.teamId === teamId) &&
      labels.every((label) => candidate.labels.has(label)),
  );
  const need: Need = { teamId, attempts: [], fits, next: 0, pollsLeft: fits.length };
  for (const poll of fits) poll.fittedBy.push(need);
  return need;
}

function ranked({ attemptId, priority, readyAt }: ReadyAttempt, now: Instant): Ranked {
  const waited = Date.parse(now) - Date.parse(readyAt);
  return { attemptId, readyAt, rank: priority + Math.max(0, Math.floor(waited / LIFT_AFTER_MS)) };
}

/** One pass over the heads per match: the number of matches is bounded by the polls, not by the ready attempts. */
function first(needs: readonly Need[], running: ReadonlyMap<string, number>): Need | undefined {
  let best: Need | undefined;
  let bestHead: Ranked | undefined;
  let bestLoad = 0;
  for (const need of needs) {
    const head = need.pollsLeft > 0 ? need.attempts[need.next] : undefined;
    if (!head) continue;
    const load = running.get(need.teamId) ?? 0;
    if (!bestHead || load < bestLoad || (load === bestLoad && compareAttempts(head, bestHead) < 0)) {
      [best, bestHead, bestLoad] = [need, head, load];
    }
  }
  return best;
}

function compareAttempts(a: Ranked, b: Ranked): number {
  return b.rank - a.rank || compareText(a.readyAt, b.readyAt) || compareText(a.attemptId, b.attemptId);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
