import { z } from 'zod';
import { instant, slug } from './values.ts';

export const forge = z.enum(['github', 'gitlab', 'gitea', 'bitbucket']);
/** What a forge was told of a commit, as far as it came. */
export const commitStatus = z.object({
  service: slug,
  commit: z.string(),
  /** What it was told last; null = nothing yet. */
  state: z.enum(['queued', 'running', 'passed', 'failed', 'errored', 'cancelled']).nullable(),
  description: z.string().nullable(),
  sentAt: instant.nullable(),
  /** Why the newest state could not be told; null = it was. */
  error: z.string().nullable(),
  /** Set: it is not tried again by itself. */
  givenUpAt: instant.nullable(),
});
/** A GitHub App that shows runs as checks. */
export const githubApp = z.strictObject({
  /** The App's id or its client id. */
  id: z.string().regex(/^[A-Za-z0-9.]{1,40}$/, 'write the id of the App or its client id'),
  /** Where it is installed; absent = GitHub is asked. */
  installationId: z.number().int().positive().optional(),
  /** PEM, as GitHub gives it; never comes back. */
  privateKey: z.string().min(1).max(20_000),
});
export const repositoryStatuses = z.object({
  forge,
  apiUrl: z.string(),
  repository: z.string(),
  ownToken: z.boolean(),
  /** Present = runs are checks of this App; absent = they are commit statuses. */
  app: z.object({ id: z.string(), installationId: z.number().int().nullable() }).optional(),
  /** Newest one. */
  last: commitStatus.nullable(),
});
