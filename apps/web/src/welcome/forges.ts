import type { Repository } from '../api/shapes.ts';

interface ForgeWords {
  readonly name: string;
  /** Where the form is, one sentence. */
  readonly place: string;
  /** What the form calls the two values that are copied. */
  readonly address: string;
  readonly secret: string;
  /** What else is chosen there. */
  readonly choices: readonly (readonly [field: string, value: string])[];
}

/** What the settings of each git host are called there. */
export const forges: Record<Repository['kind'], ForgeWords> = {
  github: {
    name: 'GitHub',
    place: 'On GitHub, open the repository: Settings, Webhooks, Add webhook.',
    address: 'Payload URL',
    secret: 'Secret',
    choices: [
      ['Content type', 'application/json'],
      ['Events', 'Pushes, Pull requests'],
    ],
  },
  gitlab: {
    name: 'GitLab',
    place: 'On GitLab, open the project: Settings, Webhooks, Add new webhook.',
    address: 'URL',
    secret: 'Secret token',
    choices: [['Trigger', 'Push events, Tag push events, Merge request events']],
  },
  gitea: {
    name: 'Gitea or Forgejo',
    place: 'On Gitea or Forgejo, open the repository: Settings, Webhooks, Add webhook, Gitea (Forgejo: Forgejo).',
    address: 'Target URL',
    secret: 'Secret',
    choices: [
      ['HTTP method', 'POST'],
      ['Content type', 'application/json'],
      ['Trigger on', 'Custom events: Push, Pull request, Pull request synchronized'],
    ],
  },
  bitbucket: {
    name: 'Bitbucket Cloud',
    place: 'On Bitbucket, open the repository: Repository settings, Webhooks, Add webhook.',
    address: 'URL',
    secret: 'Secret',
    choices: [['Triggers', 'Repository: Push; Pull request: Created, Updated, Merged, Declined']],
  },
  git: {
    name: 'Plain git',
    place:
      'Save the post-receive hook of the guide "Connect a repository" in the bare repository, and give it these values with git config.',
    address: 'sluice.hookUrl',
    secret: 'sluice.hookSecret',
    choices: [],
  },
};

export function isForge(kind: string): kind is Repository['kind'] {
  return Object.hasOwn(forges, kind);
}
