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

/** Commit statuses, not checks: those belong to GitHub Apps alone, and a repository's own token may not write them. */
export class GithubStatuses extends CommitStatuses {
  override readonly forge = 'github';
  readonly #http: ForgeHttp;
  constructor(http: ForgeHttp) {
    super();
    this.#http = http;
  }

  override send({ apiUrl, repository, token }: StatusPlace, report: StatusReport): Promise<SendOutcome> {
    return postStatus(
      this.#http,
      `${apiUrl}/repos/${repository}/statuses/${report.commit}`,
      {
        authorization: `Bearer ${token}`,
        accept: 'application/vnd.github+json',
        'x-github-api-version': '2022-11-28',
      },
      {
        state: STATES[report.state],
        context: report.context,
        description: cut(report.description, 140),
        target_url: report.url,
      },
    );
  }
}
