import type { SendOutcome } from './commit-statuses.port.ts';

/** A repository at GitHub, and the App that speaks for us there. */
export interface AppPlace {
  /** Base address of the API, without a slash at the end. */
  readonly apiUrl: string;
  /** `owner/name`. */
  readonly repository: string;
  /** The App's id or its client id. */
  readonly appId: string;
  /** Null = GitHub is asked for it. */
  readonly installationId: number | null;
  /** PEM. */
  readonly privateKey: string;
}

export type CheckConclusion = 'success' | 'failure' | 'cancelled' | 'skipped' | 'timed_out' | 'action_required';

/** What GitHub shows of one run of one service on one commit. */
export interface CheckReport {
  /** One per service, `sluice/<service>`. */
  readonly name: string;
  readonly commit: string;
  /** What we know it by: it is found by this when its id was lost. */
  readonly externalId: string;
  readonly status: 'queued' | 'in_progress' | 'completed';
  /** With `completed` alone. */
  readonly conclusion?: CheckConclusion;
  readonly startedAt?: string;
  readonly completedAt?: string;
  readonly title: string;
  /** Markdown. */
  readonly summary: string;
  /** Page to open. */
  readonly url: string;
}

export interface FoundCheck {
  readonly id: number;
  readonly externalId: string;
  readonly isOpen: boolean;
}

export type Failure = Exclude<SendOutcome, { kind: 'sent' }>;
export type Asked<T> = { readonly kind: 'ok'; readonly value: T } | Failure;

/**
 * Shows runs as checks, which at GitHub an App alone may write. Never throws; each call takes some seconds at most. A repeated update
 * changes nothing, a repeated `create` makes a second check: whoever does not know how one ended calls `find` first. Nothing
 * orders two calls at GitHub: a sender has one in hand at a time, and nobody else the same check.
 */
export abstract class Checks {
  /** All of this name on the commit that the App made, whoever else uses it. */
  abstract find(place: AppPlace, of: Pick<CheckReport, 'commit' | 'name'>): Promise<Asked<FoundCheck[]>>;
  /** Its id. */
  abstract create(place: AppPlace, report: CheckReport): Promise<Asked<number>>;
  /** `gone`: there is no such check (any more). */
  abstract update(place: AppPlace, id: number, report: CheckReport): Promise<Asked<'updated' | 'gone'>>;
}
