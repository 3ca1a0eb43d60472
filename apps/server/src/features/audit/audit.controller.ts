import { Controller } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract } from '@sluice/protocol';
import { CurrentUser } from '../../platform/http/access.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { CheckAudit } from './check-audit.ts';
import { ListAudit } from './list-audit.ts';

@Controller()
export class AuditController {
  readonly #list: ListAudit;
  readonly #check: CheckAudit;
  constructor(list: ListAudit, check: CheckAudit) {
    this.#list = list;
    this.#check = check;
  }

  @Implement(contract.catalog.listAudit)
  listAudit(@CurrentUser() person: UserPrincipal) {
    return implement(contract.catalog.listAudit).handler(({ input }) => this.#list.list(person, input));
  }

  @Implement(contract.audit.listInstallationAudit)
  listInstallationAudit(@CurrentUser() person: UserPrincipal) {
    return implement(contract.audit.listInstallationAudit).handler(({ input }) =>
      this.#list.installation(person, input),
    );
  }

  @Implement(contract.audit.checkAudit)
  checkAudit(@CurrentUser() person: UserPrincipal) {
    return implement(contract.audit.checkAudit).handler(() => this.#check.check(person));
  }
}
