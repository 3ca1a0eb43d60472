import type { RepositoryService } from './plan-services.ts';
import type { DeliveryPlan } from './record-plan.ts';

export interface KnownRepository {
  readonly id: string;
  readonly defaultBranch: string;
  readonly services: readonly RepositoryService[];
}

/** What is to become of a delivery, by what the mirror shows. */
export type DeliveryFate =
  | { readonly kind: 'planned'; readonly plan: DeliveryPlan }
  /** `gone`: the branch was deleted. */
  | { readonly kind: 'ignored'; readonly message: string; readonly gone?: true }
  /** Not there yet, or not any more: looked for a few times, then given up. */
  | { readonly kind: 'missing'; readonly message: string };
