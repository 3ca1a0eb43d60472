import { Checks, type AppPlace, type Asked, type CheckReport, type FoundCheck } from './checks.port.ts';
import { cut } from './cut-text.ts';
import type { ForgeAnswer } from './forge-http.ts';
import { jsonOf, unreadable, type GithubApp } from './github-app.ts';

const PER_PAGE = 30;
/** GitHub keeps a thousand of one name. */
const MOST_PAGES = 34;
/** An answer says all of a check again, its summary as well. */
const ANSWER_LENGTH = 4_000_000;
const LONGEST_TITLE = 255;
const LONGEST_SUMMARY = 30_000;

/** "Check runs" of the REST API, of github.com and of GitHub Enterprise Server. */
export class GithubChecks extends Checks {
  readonly #app: GithubApp;
  constructor(app: GithubApp) {
    super();
    this.#app = app;
  }

  override async find(
    place: AppPlace,
    { commit, name }: Pick<CheckReport, 'commit' | 'name'>,
  ): Promise<Asked<FoundCheck[]>> {
    const found: FoundCheck[] = [];
    for (let page = 1; page <= MOST_PAGES; page += 1) {
      const query = new URLSearchParams({
        check_name: name,
        filter: 'all',
        per_page: String(PER_PAGE),
        page: String(page),
        // A client id is no number, and the list takes nothing else.
        ...(isNumber(place.appId) && { app_id: place.appId }),
      });
      const path = `/commits/${commit}/check-runs?${query.toString()}`;
      const asked = await this.#app.ask(place, { method: 'GET', path, longestAnswer: ANSWER_LENGTH });
      if (asked.kind !== 'ok') return asked;
      const { check_runs: listed } = jsonOf(asked.value) as { check_runs?: unknown };
      if (!Array.isArray(listed)) return unreadable();
      found.push(...(listed as ListedCheck[]).filter((one) => isOurs(one, place, name)).map(toFound));
      if (listed.length < PER_PAGE) break;
    }
    return { kind: 'ok', value: found };
  }

  override async create(place: AppPlace, report: CheckReport): Promise<Asked<number>> {
    const body = { ...bodyOf(report), head_sha: report.commit };
    const asked = await this.#app.ask(place, {
      method: 'POST',
      path: '/check-runs',
      body,
      longestAnswer: ANSWER_LENGTH,
    });
    return asked.kind === 'ok' ? idOf(asked.value) : asked;
  }

  override async update(place: AppPlace, id: number, report: CheckReport): Promise<Asked<'updated' | 'gone'>> {
    const asked = await this.#app.ask(place, { method: 'PATCH', path: `/check-runs/${id}`, body: bodyOf(report) });
    if (asked.kind === 'refused' && asked.status === 404) return { kind: 'ok', value: 'gone' };
    return asked.kind === 'ok' ? { kind: 'ok', value: 'updated' } : asked;
  }
}

interface ListedCheck {
  readonly id: number;
  readonly name: string;
  readonly external_id: string | null;
  readonly status: string;
  readonly app: { readonly id: number; readonly client_id?: string } | null;
}

/** A server that does not name client ids cannot be asked by one; what is of another App would be refused to us anyway. */
function isOurs({ name, app }: ListedCheck, { appId }: AppPlace, wanted: string): boolean {
  if (name !== wanted || app === null) return false;
  return isNumber(appId) ? String(app.id) === appId : (app.client_id ?? appId) === appId;
}

function toFound({ id, external_id: externalId, status }: ListedCheck): FoundCheck {
  return { id, externalId: externalId ?? '', isOpen: status !== 'completed' };
}

function bodyOf(report: CheckReport): object {
  return {
    name: report.name,
    external_id: report.externalId,
    details_url: report.url,
    status: report.status,
    ...(report.conclusion && { conclusion: report.conclusion }),
    ...(report.startedAt && { started_at: report.startedAt }),
    ...(report.completedAt && { completed_at: report.completedAt }),
    output: { title: cut(report.title, LONGEST_TITLE), summary: cut(report.summary, LONGEST_SUMMARY) },
  };
}

function idOf(answer: ForgeAnswer): Asked<number> {
  const { id } = jsonOf(answer) as { id?: unknown };
  return Number.isSafeInteger(id) ? { kind: 'ok', value: id as number } : unreadable();
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}
