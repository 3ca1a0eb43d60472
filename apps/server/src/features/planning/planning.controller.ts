import { Controller } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract } from '@sluice/protocol';
import { CurrentUser } from '../../platform/http/access.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { StartRun } from './start-run.ts';

const { startRun } = contract.runs;

@Controller()
export class PlanningController {
  readonly #start: StartRun;
  constructor(start: StartRun) {
    this.#start = start;
  }

  @Implement(startRun)
  startRun(@CurrentUser() person: UserPrincipal) {
    return implement(startRun).handler(({ input }) => this.#start.start(person, input));
  }
}
