import { StatusesLikeGithub } from './statuses-like-github.ts';

/** Commit statuses, for a repository's own token: checks may be written by GitHub Apps alone (`GithubChecks`). */
export class GithubStatuses extends StatusesLikeGithub {
  override readonly forge = 'github';
  protected override readonly longest = 140;

  protected override headers(token: string): Record<string, string> {
    return {
      authorization: `Bearer ${token}`,
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
    };
  }
}
