import { Controller } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract } from '@sluice/protocol';
import { CurrentUser } from '../../platform/http/access.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { ListReports } from './list-reports.ts';
import { ReadTestHistory } from './read-test-history.ts';

@Controller()
export class ReportsController {
  readonly #list: ListReports;
  readonly #history: ReadTestHistory;
  constructor(list: ListReports, history: ReadTestHistory) {
    this.#list = list;
    this.#history = history;
  }

  @Implement(contract.reports.getTestHistory)
  getTestHistory(@CurrentUser() person: UserPrincipal) {
    return implement(contract.reports.getTestHistory).handler(({ input }) => this.#history.read(person, input));
  }

  @Implement(contract.reports.listReports)
  listReports(@CurrentUser() person: UserPrincipal) {
    return implement(contract.reports.listReports).handler(({ input }) => this.#list.list(person, input.runId));
  }
}
