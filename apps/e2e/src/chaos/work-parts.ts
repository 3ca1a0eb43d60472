import type { World } from '../world/world.ts';
import type { ChaosService } from './chaos-services.ts';
import type { Acknowledged, Pushed } from './history.ts';
import type { Random } from './random.ts';

/** What everybody who works on the services needs. */
export interface WorkParts {
  readonly world: World;
  readonly services: readonly ChaosService[];
  /** Its job fails each time. */
  readonly failing: ChaosService;
  readonly random: Random;
  readonly isOver: () => boolean;
  readonly record: (call: Acknowledged) => void;
  readonly pushed: (push: Pushed) => void;
}
