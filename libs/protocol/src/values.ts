import { z } from 'zod';
import { ATTEMPT_STATUSES, DEPLOYMENT_STATUSES, PRIORITIES, ROLES, STATUSES, WAITING_CODES } from '@sluice/engine';
import { STAGES } from '@sluice/pipeline-spec';

/** Version of the API and of the runner protocol; N-1 of the runner protocol is accepted. */
export const API_PREFIX = '/api/v1';
export const RUNNER_PROTOCOL = 1;

export const slug = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'use a-z, 0-9, - and _, 63 characters at most');
export const id = z.uuid();
/** ISO 8601, UTC. */
export const instant = z.iso.datetime();
export const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
export const sha = z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/);
export const stageName = z.enum(STAGES);
export const status = z.enum(STATUSES);
export const attemptStatus = z.enum(ATTEMPT_STATUSES);
export const deploymentStatus = z.enum(DEPLOYMENT_STATUSES);
export const role = z.enum(ROLES);
/** Among the jobs of one team. */
export const priority = z.enum(PRIORITIES);
export const trust = z.enum(['trusted', 'untrusted']);

export const reason = z.object({ code: z.string(), message: z.string() });

/** Why something waits, since when, and what would end it. Never just "pending". */
export const waiting = z.object({
  code: z.enum(WAITING_CODES),
  message: z.string(),
  since: instant,
  endsWhen: z.string(),
});

export const actor = z.object({
  kind: z.enum(['user', 'token', 'system', 'forge']),
  userId: z.string().optional(),
  name: z.string(),
});

/** Body of every error answer outside the contract's own declared errors. */
export const errorBody = z.object({
  error: z.object({ code: z.string(), message: z.string(), requestId: z.string() }),
});

export const page = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), next: z.string().nullable() });
export const pageQuery = {
  cursor: z.string().max(500).optional(),
  limit: z.coerce.number().int().min(1).max(200).optional(),
};
export const ok = z.object({ ok: z.literal(true) });
