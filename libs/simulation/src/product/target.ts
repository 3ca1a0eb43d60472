import type { Task } from '../kernel/kernel.ts';
import type { DeploymentIntent } from './tables.ts';

/** No answer, or none that tells whether the call took effect. */
export class TargetSilentError extends Error {
  override readonly name = 'TargetSilentError';
}

export type Seen = 'absent' | 'going' | 'healthy' | 'refused' | 'rolled-back';

/** The outside world as `features/targets/target.port.ts` sees it. Calls take time; the call may take effect and say nothing. */
export interface Target {
  observe(intent: DeploymentIntent, driver: string): Task<Seen>;
  create(intent: DeploymentIntent, driver: string): Task;
  /** What `repository:latest` points to: nobody who deploys may ask. */
  tagOf(service: string): string;
}
