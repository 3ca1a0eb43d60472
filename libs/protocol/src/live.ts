import { z } from 'zod';

/**
 * Live events: `GET /api/v1/live?topics=board,run:<id>,log:<attemptId>,lane:<id>,shell:<id>,approvals,runners` (text/event-stream).
 * An event says what changed, never the data: the reader refetches (`version`) or reads bytes (`length`).
 * `id:` rises per connection source; a reconnect with `Last-Event-ID` that can't be resumed gets `resync`.
 */
export const liveEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('changed'), topic: z.string(), version: z.number().optional() }),
  z.object({ type: z.literal('log'), topic: z.string(), length: z.number(), sealed: z.boolean() }),
  z.object({ type: z.literal('resync') }),
]);
export type LiveEvent = z.infer<typeof liveEvent>;

export const liveTopic = z
  .string()
  .regex(/^(board|approvals|runners|environments|(run|log|lane|service|deployment|shell):[A-Za-z0-9_-]{1,80})$/);
