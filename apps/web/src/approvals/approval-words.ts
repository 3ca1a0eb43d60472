import type { ApprovalDetail, ApprovalItem } from '../api/shapes.ts';
import { plural } from '../ui/wording.ts';

export function givenOfNeeded(item: Pick<ApprovalItem, 'given' | 'needed'>): string {
  return `${item.given} of ${item.needed}`;
}

/** `2 people, no self-approval` */
export function ruleWords(rule: ApprovalDetail['rule']): string {
  const roles = rule.roles.map((role) => role.replace('-', ' ')).join(' or ');
  return `${plural(rule.approvals, 'person', 'people')} (${roles})${rule.noSelfApproval ? ', no self-approval' : ''}`;
}

/** What the viewer's own approval would do. */
export function consequence(detail: ApprovalDetail): string {
  const missing = detail.needed - detail.given - 1;
  if (missing <= 0) return `Yours is the last approval needed, so the release to ${detail.environment} starts at once.`;
  return `After yours ${plural(missing, 'more approval is', 'more approvals are')} needed.`;
}

export const evidenceWords: Record<ApprovalDetail['evidence'][number]['kind'], string> = {
  tests: 'Tests',
  image: 'Image',
  'previous-environment': 'Previous environment',
  people: 'People',
};
