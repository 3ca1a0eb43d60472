import { Injectable, Logger } from '@nestjs/common';
import { DeploymentClaims } from './deployment-claims.ts';
import { DriveSettings } from './drive-settings.ts';
import { RunningDrives } from './running-drives.ts';

const AT_ONCE = 50;

/**
 * Finds deployments under way that nobody drives: after a crash, a lost message, or a replica that stopped. The rows are
 * the truth; a message of the queue only saves waiting for the next sweep.
 */
@Injectable()
export class ResumeDeployments {
  readonly #log = new Logger('deploy');
  readonly #claims: DeploymentClaims;
  readonly #drives: RunningDrives;
  readonly #settings: DriveSettings;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  constructor(claims: DeploymentClaims, drives: RunningDrives, settings: DriveSettings) {
    this.#claims = claims;
    this.#drives = drives;
    this.#settings = settings;
  }

  /** The first sweep runs at once. */
  start(): void {
    const sweep = () => {
      this.#running ??= this.sweep()
        .catch((error: unknown) =>
          this.#log.error({ err: error }, 'looking for deployments to resume failed; the next sweep tries again'),
        )
        .finally(() => (this.#running = undefined));
    };
    this.#timer = setInterval(sweep, this.#settings.sweepMs);
    sweep();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  async sweep(): Promise<void> {
    const room = AT_ONCE - this.#drives.size;
    if (room <= 0) return;
    for (const deploymentId of await this.#claims.unheld(room)) this.#drives.start(deploymentId);
  }
}
