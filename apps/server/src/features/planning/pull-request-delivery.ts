import { z } from 'zod';
import { readPushDelivery, type PushDelivery } from './push-delivery.ts';

/** Raised when the shape changes; an unplanned delivery of a newer version is refused. */
export const PULL_REQUEST_DELIVERY_VERSION = 1;

const pullRequestDelivery = z.object({
  schemaVersion: z.literal(PULL_REQUEST_DELIVERY_VERSION),
  kind: z.literal('pull_request'),
  /** Where the repository itself shows the head: `refs/pull/7/head`, or the source branch where the forge has no such ref. */
  ref: z.string(),
  number: z.number().int().positive(),
  /** Merged or given up: nothing is run any more. */
  closed: z.boolean(),
  /** Commit at the head, or its first 12 digits at least. */
  head: z.string().regex(/^[0-9a-f]{12,64}$/),
  /** Short names of the branch that it comes from and of the one that it is for. */
  source: z.string(),
  target: z.string(),
  /** It comes from another repository, a fork. */
  outside: z.boolean(),
  title: z.string(),
  /** The signed-in account behind the event, by the id that a renaming keeps; never the author line of a commit (A15). */
  by: z.object({ id: z.string().max(100), login: z.string().max(200) }),
});

/** What is kept of a pull request: names and ids only, like of a push. */
export type PullRequestDelivery = z.infer<typeof pullRequestDelivery>;

export type ForgeDelivery = PushDelivery | PullRequestDelivery;

/** Throws when a stored payload has another shape or version than this code knows. */
export function readDelivery(event: string, payload: unknown): ForgeDelivery {
  return event === 'pull_request' ? pullRequestDelivery.parse(payload) : readPushDelivery(payload);
}
