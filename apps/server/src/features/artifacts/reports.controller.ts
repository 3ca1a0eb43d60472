import { Controller } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract } from '@sluice/protocol';
import { CurrentUser } from '../../platform/http/access.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { ListReports } from './list-reports.ts';

@Controller()
export class ReportsController {
  readonly #list: ListReports;
  constructor(list: ListReports) {
    this.#list = list;
  }

  @Implement(contract.reports.listReports)
  listReports(@CurrentUser() person: UserPrincipal) {
    return implement(contract.reports.listReports).handler(({ input }) => this.#list.list(person, input.runId));
  }
}
