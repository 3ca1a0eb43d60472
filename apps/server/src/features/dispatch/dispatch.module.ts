import { Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../../platform/config/config.ts';
import { RequestsInFlight } from '../../platform/http/requests-in-flight.ts';
import { OutboxHandlers } from '../../platform/outbox/outbox.ts';
import { WakeQueue } from '../../platform/queue/wake-queue.port.ts';
import { ArtifactsModule } from '../artifacts/index.ts';
import { CatalogModule } from '../catalog/index.ts';
import { RunsModule } from '../runs/index.ts';
import { SecretsModule } from '../secrets/index.ts';
import { AnswerPoll } from './answer-poll.ts';
import { BuildLease } from './build-lease.ts';
import { Dispatch } from './dispatch.ts';
import { DispatchSettings } from './dispatch-settings.ts';
import { EndAttempt } from './end-attempt.ts';
import { ExpireLeases } from './expire-leases.ts';
import { GrantLeases } from './grant-leases.ts';
import { JobSecrets } from './job-secrets.port.ts';
import { PollForLease } from './poll-for-lease.ts';
import { Reconcile } from './reconcile.ts';
import { ReturnLease } from './return-lease.ts';
import { SealedJobSecrets } from './sealed-job-secrets.ts';
import { VouchForPolls } from './vouch-for-polls.ts';
import { WaitingPolls } from './waiting-polls.ts';

@Module({
  imports: [ArtifactsModule, CatalogModule, RunsModule, SecretsModule],
  providers: [
    {
      provide: DispatchSettings,
      useFactory: ({ leaseSeconds, leaseRenewSeconds: renewSeconds, logLimitBytes }: Config) =>
        new DispatchSettings({ leaseSeconds, renewSeconds, logLimitBytes }),
      inject: [Config],
    },
    { provide: JobSecrets, useClass: SealedJobSecrets },
    WaitingPolls,
    GrantLeases,
    Dispatch,
    ReturnLease,
    PollForLease,
    BuildLease,
    EndAttempt,
    AnswerPoll,
    ExpireLeases,
    Reconcile,
    VouchForPolls,
  ],
  exports: [DispatchSettings, AnswerPoll, BuildLease, EndAttempt, Reconcile],
})
export class DispatchModule implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #queue: WakeQueue;
  readonly #dispatch: Dispatch;
  readonly #reconcile: Reconcile;
  readonly #vouch: VouchForPolls;

  constructor(
    handlers: OutboxHandlers,
    queue: WakeQueue,
    dispatch: Dispatch,
    reconcile: Reconcile,
    vouch: VouchForPolls,
    polls: PollForLease,
    inFlight: RequestsInFlight,
  ) {
    this.#queue = queue;
    this.#dispatch = dispatch;
    this.#reconcile = reconcile;
    this.#vouch = vouch;
    // First of all, before anything is closed: every waiting poll gets its answer, and none begins to wait (F46).
    inFlight.stopping.addEventListener('abort', () => polls.stop());
    handlers.on('look-at-pool', (message) => queue.send('dispatch', message));
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#vouch.start();
    await this.#queue.consume('dispatch', ({ poolId }) => this.#dispatch.dispatch(poolId));
    this.#reconcile.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.#vouch.stop();
    await this.#reconcile.stop();
  }
}
