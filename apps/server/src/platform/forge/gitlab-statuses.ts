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
  running: 'running',
  passed: 'success',
  failed: 'failed',
  errored: 'failed',
  cancelled: 'canceled',
};

export class GitlabStatuses extends CommitStatuses {
  override readonly forge = 'gitlab';
  readonly #http: ForgeHttp;
  constructor(http: ForgeHttp) {
    super();
    this.#http = http;
  }

  override async send({ apiUrl, repository, token }: StatusPlace, report: StatusReport): Promise<SendOutcome> {
    const outcome = await postStatus(
      this.#http,
      `${apiUrl}/projects/${encodeURIComponent(repository)}/statuses/${report.commit}`,
      { 'private-token': token },
      {
        state: STATES[report.state],
        name: report.context,
        ...(report.ref === '' ? {} : { ref: report.ref }),
        description: cut(report.description, 255),
        // A longer one is refused, and a status without a link is better than none.
        ...(report.url.length > 255 ? {} : { target_url: report.url }),
      },
    );
    return outcome.kind === 'refused' && isThereAlready(outcome.why, report.state) ? { kind: 'sent' } : outcome;
  }
}

/**
 * GitLab refuses to enter a state in which a status is already, and to go back from running to pending, as the second run of a
 * commit that is still being run would. Either way it shows that there is a run under way, which is so.
 */
function isThereAlready(why: string, state: ReportedState): boolean {
  return (
    (state === 'queued' || state === 'running') &&
    /Cannot transition status via :(enqueue|run) from :(pending|running)/.test(why)
  );
}
