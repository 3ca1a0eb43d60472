import { Controller } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract } from '@sluice/protocol';
import { CurrentUser } from '../../platform/http/access.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { SetStatuses } from './set-statuses.ts';

const { setRepositoryStatuses } = contract.catalog;

@Controller()
export class StatusesController {
  readonly #set: SetStatuses;
  constructor(set: SetStatuses) {
    this.#set = set;
  }

  @Implement(setRepositoryStatuses)
  setRepositoryStatuses(@CurrentUser() person: UserPrincipal) {
    return implement(setRepositoryStatuses).handler(({ input }) => this.#set.set(person, input));
  }
}
