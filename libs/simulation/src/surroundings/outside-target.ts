import type { Kernel, Task } from '../kernel/kernel.ts';
import type { Random } from '../kernel/random.ts';
import type { DeploymentIntent } from '../product/tables.ts';
import { TargetSilentError, type Seen, type Target } from '../product/target.ts';

export type TargetMood = 'accept' | 'hang' | 'fail' | 'roll-back';

interface Made {
  readonly intent: DeploymentIntent;
  readonly mood: TargetMood;
  readonly at: number;
}

/** An engine or cloud outside of Sluice: it knows deployments by their id and says nothing while it hangs. */
export class OutsideTarget implements Target {
  readonly #kernel: Kernel;
  readonly #random: Random;
  readonly #made = new Map<string, Made>();
  /** Who looked, by driver: the last answer about each deployment. */
  readonly looked = new Map<string, Seen>();
  readonly tags = new Map<string, string>();
  mood: TargetMood = 'accept';
  onCreate: (intent: DeploymentIntent, lastSeen: Seen | undefined) => void = () => undefined;

  constructor(kernel: Kernel, random: Random) {
    this.#kernel = kernel;
    this.#random = random;
  }

  tagOf(service: string): string {
    return this.tags.get(service) ?? 'none';
  }

  *observe({ deploymentId }: DeploymentIntent): Task<Seen> {
    yield this.#random.between(10, 300);
    if (this.mood === 'hang') throw new TargetSilentError('no answer');
    const seen = this.#look(deploymentId);
    this.looked.set(deploymentId, seen);
    yield this.#random.between(1, 50);
    return seen;
  }

  *create(intent: DeploymentIntent): Task {
    yield this.#random.between(10, 300);
    const hangs = this.mood === 'hang';
    if (hangs && this.#random.chance(50)) throw new TargetSilentError('no answer');
    this.onCreate(intent, this.looked.get(intent.deploymentId));
    this.looked.delete(intent.deploymentId);
    if (!this.#made.has(intent.deploymentId))
      this.#made.set(intent.deploymentId, { intent, mood: this.mood, at: this.#kernel.now });
    yield this.#random.between(1, 100);
    if (hangs) throw new TargetSilentError('the call took effect and nobody said so');
  }

  #look(deploymentId: string): Seen {
    const made = this.#made.get(deploymentId);
    if (!made) return 'absent';
    if (this.#kernel.now < made.at + 4_000) return 'going';
    if (made.mood === 'fail') return 'refused';
    return made.mood === 'roll-back' ? 'rolled-back' : 'healthy';
  }
}
