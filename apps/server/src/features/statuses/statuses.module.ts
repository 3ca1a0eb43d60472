import { Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.port.ts';
import { Config } from '../../platform/config/config.ts';
import { BitbucketStatuses } from '../../platform/forge/bitbucket-statuses.ts';
import { Checks } from '../../platform/forge/checks.port.ts';
import { ForgeHttp } from '../../platform/forge/forge-http.ts';
import { GiteaStatuses } from '../../platform/forge/gitea-statuses.ts';
import { GithubApp } from '../../platform/forge/github-app.ts';
import { GithubChecks } from '../../platform/forge/github-checks.ts';
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
import { TellChecks } from './tell-checks.ts';

function forgeHttp({ gitAllowOrigins }: Config): ForgeHttp {
  return new ForgeHttp({ allowedOrigins: gitAllowOrigins });
}

function statusForges(config: Config): StatusForges {
  const http = forgeHttp(config);
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
    {
      provide: Checks,
      useFactory: (config: Config, clock: Clock) => new GithubChecks(new GithubApp(forgeHttp(config), clock)),
      inject: [Config, Clock],
    },
    { provide: SendSettings, useFactory: () => new SendSettings() },
    StatusTargets,
    TellChecks,
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
