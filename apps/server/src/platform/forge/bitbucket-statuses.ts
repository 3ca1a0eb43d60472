import { createHash } from 'node:crypto';
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
  queued: 'INPROGRESS',
  running: 'INPROGRESS',
  passed: 'SUCCESSFUL',
  failed: 'FAILED',
  errored: 'FAILED',
  cancelled: 'STOPPED',
};
const LONGEST_KEY = 40;

/** Bitbucket Cloud. */
export class BitbucketStatuses extends CommitStatuses {
  override readonly forge = 'bitbucket';
  readonly #http: ForgeHttp;
  constructor(http: ForgeHttp) {
    super();
    this.#http = http;
  }

  override send({ apiUrl, repository, username, token }: StatusPlace, report: StatusReport): Promise<SendOutcome> {
    return postStatus(
      this.#http,
      `${apiUrl}/repositories/${repository}/commit/${report.commit}/statuses/build`,
      { authorization: authorization(username, token) },
      {
        key: keyOf(report.context),
        state: STATES[report.state],
        name: report.context,
        description: cut(report.description, 255),
        url: report.url,
        ...(report.ref === '' ? {} : { refname: cut(report.ref, 255) }),
      },
    );
  }
}

/** Access tokens stand alone, or behind this name where git asks for one; API tokens of a person belong to their address. */
function authorization(username: string, token: string): string {
  return username === '' || username === 'x-token-auth'
    ? `Bearer ${token}`
    : `Basic ${Buffer.from(`${username}:${token}`).toString('base64')}`;
}

/** Two services with long names that begin alike must not share a key. */
function keyOf(context: string): string {
  if (context.length <= LONGEST_KEY) return context;
  const end = createHash('sha256').update(context).digest('hex').slice(0, 12);
  return `${context.slice(0, LONGEST_KEY - end.length - 1)}-${end}`;
}
