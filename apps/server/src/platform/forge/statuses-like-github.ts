import {
  CommitStatuses,
  type ReportedState,
  type SendOutcome,
  type StatusPlace,
  type StatusReport,
} from './commit-statuses.port.ts';
import { cut } from './cut-text.ts';
import type { ForgeHttp } from './forge-http.ts';
import { postStatus } from './judge-forge-answer.ts';

const STATES: Readonly<Record<ReportedState, string>> = {
  queued: 'pending',
  running: 'pending',
  passed: 'success',
  failed: 'failure',
  errored: 'error',
  cancelled: 'error',
};

/** The call that GitHub made and others took over: they differ in how a token is shown and in how long a description may be. */
export abstract class StatusesLikeGithub extends CommitStatuses {
  protected abstract readonly longest: number;
  readonly #http: ForgeHttp;
  constructor(http: ForgeHttp) {
    super();
    this.#http = http;
  }

  protected abstract headers(token: string): Record<string, string>;

  override send({ apiUrl, repository, token }: StatusPlace, report: StatusReport): Promise<SendOutcome> {
    return postStatus(this.#http, `${apiUrl}/repos/${repository}/statuses/${report.commit}`, this.headers(token), {
      state: STATES[report.state],
      context: report.context,
      description: cut(report.description, this.longest),
      target_url: report.url,
    });
  }
}
