import { z } from 'zod';

/** Raised when the shape changes; an unplanned delivery of a newer version is refused. */
export const PUSH_DELIVERY_VERSION = 1;

const commitId = z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/);

const pushDelivery = z.object({
  schemaVersion: z.literal(PUSH_DELIVERY_VERSION),
  /** `refs/heads/...` or `refs/tags/...`. */
  ref: z.string(),
  /** Head before the push; null = the branch is new. */
  before: commitId.nullable(),
  /** Head after the push, for an annotated tag the tag itself or its commit; null = the branch is gone. */
  after: commitId.nullable(),
  /** Login that the forge or the git host proved, or null when nobody signed in. */
  pusher: z.string().nullable(),
  /** Newest last, cut to the newest few. For people who read the delivery: plans are made from the repository itself. */
  commits: z.array(z.object({ id: commitId, message: z.string() })),
});

/** What is kept of an announced push: names and ids only. No address of a payload is ever stored or used (A14). */
export type PushDelivery = z.infer<typeof pushDelivery>;

/** Throws when a stored payload has another shape or version than this code knows. */
export function readPushDelivery(payload: unknown): PushDelivery {
  return pushDelivery.parse(payload);
}
