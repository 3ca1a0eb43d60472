import type { Api, GitHost } from '@sluice/testing';
import { TEAM } from './cast.ts';
import type { Forge } from './forge-event.ts';

export interface ConnectedRepository {
  readonly id: string;
  readonly name: string;
  readonly team: string;
  readonly forge: Forge | 'git';
  /** Bare repository on the git host. */
  readonly folder: string;
  readonly hookPath: string;
  readonly hookSecret: string;
}

/** Makes a repository on the git host and connects it. As one of plain git, its pushes are announced to `serverUrl` from now on, unless told otherwise. */
export async function connectRepository(
  admin: Api,
  gitHost: GitHost,
  serverUrl: string,
  name: string,
  {
    forge = 'git',
    team = TEAM.slug,
    announced = true,
  }: { readonly forge?: Forge | 'git'; readonly team?: string; readonly announced?: boolean } = {},
): Promise<ConnectedRepository> {
  const { url, folder } = await gitHost.createRepository(name);
  const { repository, hookSecret } = await admin.catalog.connectRepository({ team, url, kind: forge });
  if (forge === 'git' && announced)
    await gitHost.createRepository(name, { hookUrl: `${serverUrl}${repository.hookPath}`, hookSecret });
  return { id: repository.id, name, team, forge, folder, hookPath: repository.hookPath, hookSecret };
}

export async function registerService(
  admin: Api,
  slug: string,
  { id: repositoryId, team }: Pick<ConnectedRepository, 'id' | 'team'>,
  path: string,
): Promise<void> {
  await admin.catalog.registerService({ team, slug, repositoryId, path });
}
