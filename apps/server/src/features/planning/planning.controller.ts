import { Controller } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract } from '@sluice/protocol';
import { CurrentUser } from '../../platform/http/access.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { LookNow } from './look-now.ts';
import { StartRun } from './start-run.ts';

const { startRun } = contract.runs;
const { lookAtRepository } = contract.catalog;

@Controller()
export class PlanningController {
  readonly #start: StartRun;
  readonly #look: LookNow;
  constructor(start: StartRun, look: LookNow) {
    this.#look = look;
    this.#start = start;
  }

  @Implement(startRun)
  startRun(@CurrentUser() person: UserPrincipal) {
    return implement(startRun).handler(({ input }) => this.#start.start(person, input));
  }

  @Implement(lookAtRepository)
  lookAtRepository(@CurrentUser() person: UserPrincipal) {
    return implement(lookAtRepository).handler(({ input }) => this.#look.look(person, input));
  }
}
