import { StatusesLikeGithub } from './statuses-like-github.ts';

/** Gitea and Forgejo. */
export class GiteaStatuses extends StatusesLikeGithub {
  override readonly forge = 'gitea';
  protected override readonly longest = 255;

  protected override headers(token: string): Record<string, string> {
    return { authorization: `token ${token}` };
  }
}
