import { Injectable, Logger } from '@nestjs/common';
import { DriveDeployment } from './drive-deployment.ts';

const GRACE_MS = 20_000;

/** The deployments that this process drives now, side by side. */
@Injectable()
export class RunningDrives {
  readonly #log = new Logger('deploy');
  readonly #drive: DriveDeployment;
  readonly #drives = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();
  constructor(drive: DriveDeployment) {
    this.#drive = drive;
  }

  /** Begins unless it is driven here already; the claim decides between replicas. */
  start(deploymentId: string): void {
    if (this.#stopping.signal.aborted || this.#drives.has(deploymentId)) return;
    const driven = this.#drive
      .drive(deploymentId, this.#stopping.signal)
      .catch((error: unknown) =>
        this.#log.error({ err: error }, `driving deployment ${deploymentId} broke off; the sweep finds it again`),
      )
      .finally(() => this.#drives.delete(deploymentId));
    this.#drives.set(deploymentId, driven);
  }

  get size(): number {
    return this.#drives.size;
  }

  /** Lets calls under way end, writes their results and gives the claims back for another replica. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, GRACE_MS)));
    await Promise.race([Promise.all(this.#drives.values()), limit]);
    clearTimeout(timer);
  }
}
