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
export const repositoryStatuses = z.object({
  forge,
  apiUrl: z.string(),
  repository: z.string(),
  ownToken: z.boolean(),
  /** Newest one. */
  last: commitStatus.nullable(),
});
