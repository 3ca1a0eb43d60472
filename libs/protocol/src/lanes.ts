import { oc } from '@orpc/contract';
import { z } from 'zod';
import { actor, deploymentStatus, digest, id, instant, ok, reason, role, slug, waiting } from './values.ts';
import { gateRule } from './catalog.ts';
import { removed } from './retention.ts';
import { laneSummary } from './runs.ts';

export const releaseRef = z.object({ runNumber: z.number().int(), commit: z.string(), repository: z.string(), digest });
export const approvalItem = z.object({
  deploymentId: id,
  service: slug,
  team: slug,
  environment: slug,
  status: deploymentStatus,
  from: releaseRef.nullable(),
  to: releaseRef,
  requestedBy: actor,
  enteredAt: instant,
  given: z.number().int(),
  needed: z.number().int(),
  /** Why that is more than the gate's rule says, and what helps. */
  neededWhy: z.string().optional(),
  /** May the viewer decide now? `why` names the reason when not. */
  me: z.object({ can: z.boolean(), code: z.string().nullable(), why: z.string().nullable() }),
});
export const approverItem = z.object({
  userId: id,
  name: z.string(),
  roles: z.array(role),
  state: z.enum(['approved', 'can', 'cannot']),
  why: z.string().nullable(),
  at: instant.nullable(),
  note: z.string().nullable(),
});
export const evidenceItem = z.object({
  kind: z.enum(['tests', 'image', 'previous-environment', 'people']),
  state: z.enum(['passed', 'failed', 'missing']),
  text: z.string(),
});
export const commitItem = z.object({ sha: z.string(), message: z.string(), author: z.string(), at: instant });
export const approvalDetail = approvalItem.extend({
  runId: id,
  /** Hash of what is on screen; sent back with the decision. */
  binding: z.string(),
  rule: gateRule,
  approvers: z.array(approverItem),
  /** Hands in the change that are linked to nobody. Who pushed or triggered it makes the gate ask for one more; an author line changes nothing. */
  unlinked: z.array(z.object({ part: z.enum(['pushed', 'triggered', 'authored']), identity: z.string() })),
  changes: z.object({
    commits: z.array(commitItem),
    files: z.number().int(),
    insertions: z.number().int(),
    deletions: z.number().int(),
    /** Sentence when the list is cut or could not be computed. */
    note: z.string().nullable(),
  }),
  settingsChanges: z.array(z.object({ path: z.string(), from: z.string().nullable(), to: z.string().nullable() })),
  evidence: z.array(evidenceItem),
  alsoDeploying: z.array(
    z.object({ service: slug, environment: slug, status: deploymentStatus, runNumber: z.number().int() }),
  ),
  decided: z
    .object({ outcome: z.enum(['approved', 'rejected', 'superseded', 'cancelled']), text: z.string(), at: instant })
    .nullable(),
});
export const deploymentDetail = z.object({
  id,
  service: slug,
  team: slug,
  environment: slug,
  status: deploymentStatus,
  release: releaseRef,
  runId: id,
  target: z.string(),
  requestedBy: actor,
  approvals: z.array(z.object({ userId: id, name: z.string(), at: instant, note: z.string().nullable() })),
  enteredAt: instant,
  startedAt: instant.nullable(),
  finishedAt: instant.nullable(),
  reason: reason.nullable(),
  waiting: waiting.nullable(),
  /** What the target did, in order. */
  events: z.array(z.object({ at: instant, text: z.string() })),
  /** Retention removed what the target did. */
  eventsRemoved: removed.optional(),
  replaced: releaseRef.nullable(),
});

const decisionErrors = {
  CONFLICT: { status: 409, data: z.object({ code: z.string() }) },
  FORBIDDEN: { status: 403, data: z.object({ code: z.string() }) },
} as const;

export const lanesContract = {
  listLanes: oc
    .route({
      method: 'GET',
      path: '/lanes',
      tags: ['lanes'],
      summary: 'What is live where, over all services I may see',
    })
    .input(z.object({ team: slug.optional() }))
    .output(z.array(laneSummary)),
  listApprovals: oc
    .route({ method: 'GET', path: '/approvals', tags: ['lanes'], summary: 'Gates that wait' })
    .input(z.object({ show: z.enum(['me', 'all', 'decided']).default('all') }))
    .output(z.array(approvalItem)),
  getApproval: oc
    .route({
      method: 'GET',
      path: '/approvals/{deploymentId}',
      tags: ['lanes'],
      summary: 'The gate card: change, evidence, people',
    })
    .input(z.object({ deploymentId: id }))
    .output(approvalDetail),
  approve: oc
    .route({
      method: 'POST',
      path: '/approvals/{deploymentId}/approve',
      tags: ['lanes'],
      summary: 'Approve what was seen',
    })
    .input(z.object({ deploymentId: id, binding: z.string().max(200), note: z.string().max(2000).optional() }))
    .errors(decisionErrors)
    .output(ok),
  reject: oc
    .route({
      method: 'POST',
      path: '/approvals/{deploymentId}/reject',
      tags: ['lanes'],
      summary: 'Reject with a reason',
    })
    .input(z.object({ deploymentId: id, binding: z.string().max(200), reason: z.string().min(1).max(2000) }))
    .errors(decisionErrors)
    .output(ok),
  getDeployment: oc
    .route({ method: 'GET', path: '/deployments/{deploymentId}', tags: ['lanes'], summary: 'One deployment' })
    .input(z.object({ deploymentId: id }))
    .output(deploymentDetail),
};
