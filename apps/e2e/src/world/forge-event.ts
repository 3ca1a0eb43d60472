import { createHmac } from 'node:crypto';

export const FORGES = ['github', 'gitlab', 'gitea', 'bitbucket'] as const;
export type Forge = (typeof FORGES)[number];

/** What happened at the forge, and to whom it says so. */
export interface ForgeEvent {
  readonly url: string;
  readonly secret: string;
  readonly delivery: string;
  readonly push: { readonly ref: string; readonly before: string; readonly commit: string; readonly by: string };
  /** Given for the event of a pull request from a fork, whose head the push moved. */
  readonly pullRequest?: { readonly number: number; readonly target: string };
}

interface ForgeRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const FORK = 977;
const REPOSITORY = 218;
const ACCOUNT = 4200;

/** The webhook request of a forge, as far as its documentation says what is in there. */
export function forgeRequest(forge: Forge, event: ForgeEvent): ForgeRequest {
  const body = JSON.stringify(
    event.pullRequest ? pullRequestOf(forge, event, event.pullRequest) : pushOf(forge, event),
  );
  return {
    url: event.url,
    body,
    headers: { 'Content-Type': 'application/json', ...headersOf(forge, event, body) },
  };
}

function headersOf(forge: Forge, { secret, delivery, pullRequest, push }: ForgeEvent, body: string) {
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  const name = pullRequest ? 'pull_request' : 'push';
  const tag = push.ref.startsWith('refs/tags/');
  switch (forge) {
    case 'github':
      return {
        'X-GitHub-Event': name,
        'X-GitHub-Delivery': delivery,
        'X-Hub-Signature-256': `sha256=${signature}`,
      };
    case 'gitlab':
      return {
        'X-Gitlab-Event': pullRequest ? 'Merge Request Hook' : tag ? 'Tag Push Hook' : 'Push Hook',
        'X-Gitlab-Token': secret,
        'Idempotency-Key': delivery,
      };
    case 'gitea':
      return { 'X-Gitea-Event': name, 'X-Gitea-Delivery': delivery, 'X-Gitea-Signature': signature };
    case 'bitbucket':
      return {
        'X-Event-Key': pullRequest ? 'pullrequest:updated' : 'repo:push',
        'X-Request-UUID': delivery,
        'X-Hub-Signature': `sha256=${signature}`,
      };
  }
}

function pushOf(forge: Forge, { push: { ref, before, commit, by } }: ForgeEvent): object {
  const commits = [{ id: commit, message: 'Pushed' }];
  const moved = { ref, before, after: commit, commits };
  switch (forge) {
    case 'github':
      return { ...moved, pusher: { name: by }, sender: { login: by, id: ACCOUNT } };
    case 'gitlab':
      return { object_kind: 'push', ...moved, user_id: ACCOUNT, user_username: by, project_id: REPOSITORY };
    case 'gitea':
      return { ...moved, pusher: { login: by }, sender: { login: by, id: ACCOUNT } };
    case 'bitbucket': {
      const [, folder = '', name = ''] = /^refs\/([^/]+)\/(.+)$/.exec(ref) ?? [];
      const tip = (hash: string) =>
        /^0+$/.test(hash) ? null : { type: folder === 'tags' ? 'tag' : 'branch', name, target: { hash } };
      return {
        actor: { uuid: `{${by}}`, nickname: by },
        push: { changes: [{ old: tip(before), new: tip(commit), commits: [{ hash: commit, message: 'Pushed' }] }] },
      };
    }
  }
}

/** From a fork. Bitbucket shows no commits of forks, so there is nothing to tell of one there. */
function pullRequestOf(
  forge: Forge,
  { push: { commit, by } }: ForgeEvent,
  { number, target }: NonNullable<ForgeEvent['pullRequest']>,
): object {
  switch (forge) {
    case 'github':
    case 'gitea':
      return {
        action: forge === 'gitea' ? 'synchronized' : 'synchronize',
        number,
        pull_request: {
          title: 'A change from outside',
          head: { ref: 'change', sha: commit, repo: { id: FORK } },
          base: { ref: target, repo: { id: REPOSITORY } },
        },
        sender: { login: by, id: ACCOUNT },
      };
    case 'gitlab':
      return {
        object_kind: 'merge_request',
        user: { id: ACCOUNT, username: by },
        object_attributes: {
          iid: number,
          title: 'A change from outside',
          action: 'update',
          source_branch: 'change',
          target_branch: target,
          source_project_id: FORK,
          target_project_id: REPOSITORY,
          last_commit: { id: commit },
        },
      };
    case 'bitbucket':
      throw new Error('Bitbucket shows no commits of forks.');
  }
}
