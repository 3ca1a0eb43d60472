import type { Contributor, GateRule } from './lane.ts';

/**
 * Who pushed or triggered part of the change under an identity that is linked to nobody: a proven hand, and nobody can tell
 * whose. Each identity once, in whatever capitals. Author lines are left out: anybody can write them.
 */
export function unlinkedHands(contributors: readonly Contributor[]): readonly Contributor[] {
  const hands = new Map<string, Contributor>();
  for (const hand of contributors) {
    const key = hand.identity.toLowerCase();
    if (hand.userId === undefined && hand.part !== 'authored' && !hands.has(key)) hands.set(key, hand);
  }
  return [...hands.values()];
}

/** Behind each unlinked hand may stand one of the approvers, who then is not independent: so one more must approve (I16). */
export function approvalsNeeded(rule: GateRule, unlinked: readonly Contributor[] = []): number {
  return rule.approvals + asksFor(rule, unlinked).length;
}

/** Why the gate needs more than its rule says, and what helps; undefined = it does not. */
export function moreApprovals(
  rule: GateRule,
  unlinked: readonly Contributor[] = [],
): { readonly because: string; readonly remedy: string } | undefined {
  const hands = asksFor(rule, unlinked);
  if (hands.length === 0) return undefined;
  const one = hands.length === 1;
  const names = hands.map(({ part, identity }) => (part === 'pushed' ? 'the pusher ' : 'the trigger ') + identity);
  return {
    because: `${one ? 'one' : hands.length} more because ${joined(names)} ${one ? 'is' : 'are'} linked to nobody`,
    remedy: `Fewer once a system admin has linked ${joined(hands.map(({ identity }) => identity))} to a person: the next approval, also one given again, is judged by that.`,
  };
}

export function joined(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

/** A gate that asks nobody stays open, and one that lets contributors approve has no need to know them. */
function asksFor({ approvals, noSelfApproval }: GateRule, unlinked: readonly Contributor[]): readonly Contributor[] {
  return approvals > 0 && noSelfApproval ? unlinked : [];
}
