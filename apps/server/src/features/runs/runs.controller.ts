import { Controller } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract } from '@sluice/protocol';
import { CurrentUser } from '../../platform/http/access.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { AdmitRun } from './admit-run.ts';
import { CancelRun } from './cancel-run.ts';
import { ListRuns } from './list-runs.ts';
import { ReadBoard } from './read-board.ts';
import { ReadQueue } from './read-queue.ts';
import { ReadRun } from './read-run.ts';
import { Rerun } from './rerun.ts';

const runs = contract.runs;

@Controller()
export class RunsController {
  readonly #board: ReadBoard;
  readonly #list: ListRuns;
  readonly #read: ReadRun;
  readonly #cancel: CancelRun;
  readonly #rerun: Rerun;
  readonly #queue: ReadQueue;
  readonly #admit: AdmitRun;
  constructor(
    board: ReadBoard,
    list: ListRuns,
    read: ReadRun,
    cancel: CancelRun,
    rerun: Rerun,
    queue: ReadQueue,
    admit: AdmitRun,
  ) {
    this.#queue = queue;
    this.#admit = admit;
    this.#board = board;
    this.#list = list;
    this.#read = read;
    this.#cancel = cancel;
    this.#rerun = rerun;
  }

  @Implement(runs.board)
  board(@CurrentUser() person: UserPrincipal) {
    return implement(runs.board).handler(({ input }) => this.#board.board(person, input.team));
  }

  @Implement(runs.getService)
  getService(@CurrentUser() person: UserPrincipal) {
    return implement(runs.getService).handler(({ input }) => this.#board.service(person, input.service));
  }

  @Implement(runs.listRuns)
  listRuns(@CurrentUser() person: UserPrincipal) {
    return implement(runs.listRuns).handler(({ input }) => this.#list.list(person, input));
  }

  @Implement(runs.getRun)
  getRun(@CurrentUser() person: UserPrincipal) {
    return implement(runs.getRun).handler(({ input }) => this.#read.byNumber(person, input.service, input.number));
  }

  @Implement(runs.getRunEvents)
  getRunEvents(@CurrentUser() person: UserPrincipal) {
    return implement(runs.getRunEvents).handler(({ input }) => this.#read.events(person, input.runId));
  }

  @Implement(runs.getRunTests)
  getRunTests(@CurrentUser() person: UserPrincipal) {
    return implement(runs.getRunTests).handler(({ input }) => this.#read.tests(person, input.runId));
  }

  @Implement(runs.cancelRun)
  cancelRun(@CurrentUser() person: UserPrincipal) {
    return implement(runs.cancelRun).handler(async ({ input }) => {
      await this.#cancel.cancel(person, input.runId, input.reason);
      return { ok: true as const };
    });
  }

  @Implement(runs.admitRun)
  admitRun(@CurrentUser() person: UserPrincipal) {
    return implement(runs.admitRun).handler(async ({ input }) => {
      await this.#admit.admit(person, input.runId, input.commit);
      return { ok: true as const };
    });
  }

  @Implement(runs.rerun)
  rerun(@CurrentUser() person: UserPrincipal) {
    return implement(runs.rerun).handler(({ input }) =>
      this.#rerun.rerun(person, input.runId, input.scope, input.debug),
    );
  }

  @Implement(runs.listQueue)
  listQueue(@CurrentUser() person: UserPrincipal) {
    return implement(runs.listQueue).handler(() => this.#queue.read(person));
  }
}
