import { joined } from './approvals-needed.ts';
import type { Approver, Contributor, GateRule } from './lane.ts';

export type ApproverStanding =
  | { readonly can: true }
  | { readonly can: false; readonly code: 'not-entitled' | 'self-approval'; readonly why: string };

/**
 * Whether a person may approve at this gate. Only linked identities can be recognised as the approver; an unlinked one
 * may be anybody, so it takes nobody's right away and makes the gate ask for one more (approvals-needed.ts).
 */
export function approverStanding(
  rule: GateRule,
  approver: Approver,
  contributors: readonly Contributor[],
): ApproverStanding {
  if (!isEntitled(rule, approver)) return { can: false, code: 'not-entitled', why: entitlementNeeded(rule, approver) };
  if (!rule.noSelfApproval) return { can: true };
  const parts = new Set(contributors.filter(({ userId }) => userId === approver.userId).map(({ part }) => part));
  if (parts.size === 0) return { can: true };
  return {
    can: false,
    code: 'self-approval',
    why: `${approver.name} ${joined([...parts])} part of this change; somebody else must approve it.`,
  };
}

export function isEntitled(rule: GateRule, approver: Approver): boolean {
  return approver.roles.some((role) => rule.roles.includes(role));
}

export function entitlementNeeded(rule: GateRule, approver: Approver): string {
  const needed =
    rule.roles.length === 0 ? 'a role that the environment has yet to name' : `the role ${rule.roles.join(' or ')}`;
  return `This gate needs ${needed}; ${approver.name} has ${approver.roles.join(', ') || 'no role'} in this team.`;
}
