import { Controller } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract } from '@sluice/protocol';
import { CurrentUser } from '../../platform/http/access.ts';
import { requireSystemAdmin, type UserPrincipal } from '../../platform/http/principal.ts';
import { ReadRetention } from './read-retention.ts';
import { SetTeamLimits } from './set-team-limits.ts';
import { SweepTimer } from './sweep-timer.ts';

const retention = contract.retention;

@Controller()
export class RetentionController {
  readonly #read: ReadRetention;
  readonly #set: SetTeamLimits;
  readonly #timer: SweepTimer;
  constructor(read: ReadRetention, set: SetTeamLimits, timer: SweepTimer) {
    this.#read = read;
    this.#set = set;
    this.#timer = timer;
  }

  @Implement(retention.getRetention)
  getRetention(@CurrentUser() person: UserPrincipal) {
    return implement(retention.getRetention).handler(() => this.#read.installation(person));
  }

  @Implement(retention.sweepNow)
  sweepNow(@CurrentUser() person: UserPrincipal) {
    return implement(retention.sweepNow).handler(() => {
      requireSystemAdmin(person);
      this.#timer.sweepNow();
      return { ok: true as const };
    });
  }

  @Implement(retention.getTeamRetention)
  getTeamRetention(@CurrentUser() person: UserPrincipal) {
    return implement(retention.getTeamRetention).handler(({ input }) => this.#read.team(person, input.team));
  }

  @Implement(retention.putTeamRetention)
  putTeamRetention(@CurrentUser() person: UserPrincipal) {
    return implement(retention.putTeamRetention).handler(async ({ input }) => {
      await this.#set.set(person, input.team, input.limits);
      return this.#read.team(person, input.team);
    });
  }
}
