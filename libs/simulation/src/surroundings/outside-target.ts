import type { Kernel, Task } from '../kernel/kernel.ts';
import type { Random } from '../kernel/random.ts';
import type { DeploymentIntent } from '../product/tables.ts';
import { TargetSilentError, type Seen, type Target } from '../product/target.ts';

export type TargetMood = 'accept' | 'hang' | 'fail' | 'roll-back';

interface Made {
  readonly mood: TargetMood;
  readonly at: number;
}

/** An engine or cloud outside of Sluice: it knows deployments by their id and says nothing while it hangs. */
export class OutsideTarget implements Target {
  readonly #kernel: Kernel;
  readonly #random: Random;
  readonly #made = new Map<string, Made>();
  /** What each driver last saw of each deployment, until it calls. */
  readonly #looked = new Map<string, Seen>();
  readonly tags = new Map<string, string>();
  mood: TargetMood = 'accept';
  /** Told as a call leaves its driver. */
  onCreate: (intent: DeploymentIntent, driver: string, lastSeen: Seen | undefined) => void = () => undefined;

  constructor(kernel: Kernel, random: Random) {
    this.#kernel = kernel;
    this.#random = random;
  }

  tagOf(service: string): string {
    return this.tags.get(service) ?? 'none';
  }

  *observe({ deploymentId }: DeploymentIntent, driver: string): Task<Seen> {
    yield this.#random.between(10, 300);
    if (this.mood === 'hang') throw new TargetSilentError('no answer');
    const seen = this.#look(deploymentId);
    this.#looked.set(`${deploymentId} ${driver}`, seen);
    yield this.#random.between(1, 50);
    return seen;
  }

  /** What has left the driver arrives, whatever becomes of the driver. The id makes a second arrival harmless. */
  *create(intent: DeploymentIntent, driver: string): Task {
    const { deploymentId } = intent;
    const key = `${deploymentId} ${driver}`;
    this.onCreate(intent, driver, this.#looked.get(key));
    this.#looked.delete(key);
    const isLost = this.mood === 'hang' && this.#random.chance(50);
    const arrival = this.#kernel.now + this.#random.between(10, 300);
    let silent = isLost;
    this.#kernel.at(arrival, () => {
      silent ||= this.mood === 'hang';
      if (isLost || this.#made.has(deploymentId)) return;
      this.#made.set(deploymentId, { mood: this.mood, at: this.#kernel.now });
    });
    yield this.#random.between(310, 500);
    if (silent) throw new TargetSilentError('nobody said whether the call took effect');
  }

  #look(deploymentId: string): Seen {
    const made = this.#made.get(deploymentId);
    if (!made) return 'absent';
    if (this.#kernel.now < made.at + 4_000) return 'going';
    if (made.mood === 'fail') return 'refused';
    return made.mood === 'roll-back' ? 'rolled-back' : 'healthy';
  }
}
