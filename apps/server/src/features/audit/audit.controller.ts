import { Controller } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract } from '@sluice/protocol';
import { CurrentUser } from '../../platform/http/access.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { ListAudit } from './list-audit.ts';

@Controller()
export class AuditController {
  readonly #list: ListAudit;
  constructor(list: ListAudit) {
    this.#list = list;
  }

  @Implement(contract.catalog.listAudit)
  listAudit(@CurrentUser() person: UserPrincipal) {
    return implement(contract.catalog.listAudit).handler(({ input }) => this.#list.list(person, input));
  }
}
