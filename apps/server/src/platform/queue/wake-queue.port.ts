/**
 * BullMQ carries wake-ups, never truth: a message may be lost, doubled or late without effect, because the reconciler
 * finds the same work in the database. The set of queues is small and constant.
 */
export interface WakeMessages {
  dispatch: { poolId: string };
  deploy: { deploymentId: string };
  outbox: Record<string, never>;
}
export type WakeName = keyof WakeMessages;

export abstract class WakeQueue {
  /** Never throws and never blocks longer than its own short deadline: a lost wake-up is repaired by the reconciler. */
  abstract send<T extends WakeName>(name: T, message: WakeMessages[T]): Promise<void>;
  /** One consumer per name and process, registered at start. What a handler throws is reported and not tried again. */
  abstract consume<T extends WakeName>(name: T, handler: (message: WakeMessages[T]) => Promise<void>): Promise<void>;
  /** One sentence while wake-ups fail (work still flows, by the slower sweeps); null when all is well. */
  abstract problem(): string | null;
  abstract close(): Promise<void>;
}
