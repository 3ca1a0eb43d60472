import { Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../../platform/config/config.ts';
import { BitbucketStatuses } from '../../platform/forge/bitbucket-statuses.ts';
import { ForgeHttp } from '../../platform/forge/forge-http.ts';
import { GiteaStatuses } from '../../platform/forge/gitea-statuses.ts';
import { GithubStatuses } from '../../platform/forge/github-statuses.ts';
import { GitlabStatuses } from '../../platform/forge/gitlab-statuses.ts';
import { OutboxHandlers } from '../../platform/outbox/outbox.ts';
import { AuditModule } from '../audit/index.ts';
import { SecretsModule } from '../secrets/index.ts';
import { NoteStatuses } from './note-statuses.ts';
import { SendSettings } from './send-settings.ts';
import { SendStatuses } from './send-statuses.ts';
import { SetStatuses } from './set-statuses.ts';
import { StatusForges, StatusTargets } from './status-target.ts';
import { StatusesController } from './statuses.controller.ts';

function statusForges({ gitAllowOrigins }: Config): StatusForges {
  const http = new ForgeHttp({ allowedOrigins: gitAllowOrigins });
  return new StatusForges([
    new GithubStatuses(http),
    new GitlabStatuses(http),
    new GiteaStatuses(http),
    new BitbucketStatuses(http),
  ]);
}

@Module({
  imports: [AuditModule, SecretsModule],
  controllers: [StatusesController],
  providers: [
    { provide: StatusForges, useFactory: statusForges, inject: [Config] },
    { provide: SendSettings, useFactory: () => new SendSettings() },
    StatusTargets,
    SendStatuses,
    NoteStatuses,
    SetStatuses,
  ],
})
export class StatusesModule implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #send: SendStatuses;
  constructor(handlers: OutboxHandlers, note: NoteStatuses, send: SendStatuses) {
    this.#send = send;
    handlers.onMany('report-status', (messages) => note.note(messages));
  }

  onApplicationBootstrap(): void {
    this.#send.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.#send.stop();
  }
}
