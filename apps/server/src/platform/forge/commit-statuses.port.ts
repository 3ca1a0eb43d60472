export const FORGES = ['github', 'gitlab', 'gitea', 'bitbucket'] as const;
export type ForgeName = (typeof FORGES)[number];

/** The states of a run that a forge can tell apart, before each puts them into its own words. */
export type ReportedState = 'queued' | 'running' | 'passed' | 'failed' | 'errored' | 'cancelled';

export interface StatusReport {
  /** What the status is known by; one per service, `sluice/<service>`. */
  readonly context: string;
  readonly commit: string;
  /** Short name of the branch or tag; empty where it is neither. */
  readonly ref: string;
  readonly state: ReportedState;
  /** One line; each forge cuts it to the length it takes. */
  readonly description: string;
  /** Page to open. */
  readonly url: string;
}

export interface StatusPlace {
  /** Base address of the forge's API, without a slash at the end. */
  readonly apiUrl: string;
  /** Path of the repository at the forge: `owner/name`. */
  readonly repository: string;
  readonly username: string;
  readonly token: string;
}

/**
 * `refused`: the forge said no, and would to the same request again. `trouble`: it could not be reached, or asks for a pause,
 * of at least `retryAfterSeconds` where it said so. Sentences are for people and hold no token.
 */
export type SendOutcome =
  | { readonly kind: 'sent' }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'trouble'; readonly why: string; readonly retryAfterSeconds?: number };

/**
 * Sets the status of a commit at one kind of forge. Never throws; takes some seconds at most. A repeated call changes nothing.
 * Nothing orders two calls at the forge: whoever sends must not have two of one commit and context under way.
 */
export abstract class CommitStatuses {
  abstract readonly forge: ForgeName;
  abstract send(place: StatusPlace, report: StatusReport): Promise<SendOutcome>;
}
