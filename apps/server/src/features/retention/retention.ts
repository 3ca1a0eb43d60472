import type { RetentionLimits } from '../../platform/config/config.ts';

/** What the configuration says about retention, as injection token. */
export class Retention {
  readonly on: boolean;
  readonly limits: RetentionLimits;
  constructor({ on, ...limits }: RetentionLimits & { readonly on: boolean }) {
    this.on = on;
    this.limits = limits;
  }
}
