import type { LeaseKey } from '../server/runner-api.ts';

export interface KeepMessage {
  readonly kind: 'keep';
  readonly id: number;
  readonly lease: LeaseKey;
  readonly everyMs: number;
  /** Address of the API with its prefix. */
  readonly base: string;
  readonly token: string;
}

/** To the thread. */
export type RenewalOrder = KeepMessage | { readonly kind: 'drop'; readonly id: number };

/** From the thread. */
export type RenewalNews =
  | { readonly kind: 'cancel' | 'lost'; readonly id: number }
  | { readonly kind: 'trouble'; readonly id: number; readonly message: string };
