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

/** Gitea and Forgejo. */
export class GiteaStatuses extends CommitStatuses {
  override readonly forge = 'gitea';
  readonly #http: ForgeHttp;
  constructor(http: ForgeHttp) {
    super();
    this.#http = http;
  }

  override send({ apiUrl, repository, token }: StatusPlace, report: StatusReport): Promise<SendOutcome> {
    return postStatus(
      this.#http,
      `${apiUrl}/repos/${repository}/statuses/${report.commit}`,
      { authorization: `token ${token}` },
      {
        state: STATES[report.state],
        context: report.context,
        description: cut(report.description, 255),
        target_url: report.url,
      },
    );
  }
}
