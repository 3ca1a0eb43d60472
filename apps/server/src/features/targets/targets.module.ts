import { Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.port.ts';
import { Config } from '../../platform/config/config.ts';
import { OutboxHandlers } from '../../platform/outbox/outbox.ts';
import { WakeQueue } from '../../platform/queue/wake-queue.port.ts';
import { LanesModule } from '../lanes/index.ts';
import { SecretsModule } from '../secrets/index.ts';
import { DeploymentClaims } from './deployment-claims.ts';
import { DeploymentRecord } from './deployment-record.ts';
import { DockerTarget } from './docker/docker-target.ts';
import { DriveDeployment } from './drive-deployment.ts';
import { DriveSettings } from './drive-settings.ts';
import { ResumeDeployments } from './resume-deployments.ts';
import { RunningDrives } from './running-drives.ts';
import { SealedTargetSecrets } from './sealed-target-secrets.ts';
import { TargetSecrets } from './target-secrets.port.ts';
import { Targets } from './targets.ts';

/** Who shortens leases wants dead processes noticed sooner: a replica's claim follows, at a fifth (12 s of 60 s), and so does a silent target. */
function driveSettings({ leaseSeconds }: Config): DriveSettings {
  return new DriveSettings({
    claimMs: leaseSeconds * 200,
    renewMs: leaseSeconds * 50,
    sweepMs: Math.min(3_000, leaseSeconds * 50),
    silenceLimitMs: leaseSeconds * 1_000,
    backoffMs: Math.min(15_000, leaseSeconds * 250),
  });
}

@Module({
  imports: [LanesModule, SecretsModule],
  providers: [
    { provide: DriveSettings, useFactory: driveSettings, inject: [Config] },
    { provide: Targets, useFactory: (clock: Clock) => new Targets([new DockerTarget(clock)]), inject: [Clock] },
    { provide: TargetSecrets, useClass: SealedTargetSecrets },
    DeploymentClaims,
    DeploymentRecord,
    DriveDeployment,
    RunningDrives,
    ResumeDeployments,
  ],
})
export class TargetsModule implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #queue: WakeQueue;
  readonly #drives: RunningDrives;
  readonly #resume: ResumeDeployments;
  constructor(handlers: OutboxHandlers, queue: WakeQueue, drives: RunningDrives, resume: ResumeDeployments) {
    this.#queue = queue;
    this.#drives = drives;
    this.#resume = resume;
    handlers.on('run-deployment', (message) => queue.send('deploy', message));
  }

  async onApplicationBootstrap(): Promise<void> {
    // Not awaited: a deployment takes minutes, and a message of the queue is only a hint to begin.
    await this.#queue.consume('deploy', ({ deploymentId }) => Promise.resolve(this.#drives.start(deploymentId)));
    this.#resume.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.#resume.stop();
    await this.#drives.stop();
  }
}
