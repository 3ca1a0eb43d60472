import type Docker from 'dockerode';
import { statusOf } from './engine-error.ts';

export type FoundNetwork = Pick<Docker.NetworkInspectInfo, 'Id' | 'Name' | 'Created'>;

/** The engine's filter matches parts of names, so the exact one is picked here. Oldest first: every caller agrees which is it. */
export async function networksNamed(api: Docker, name: string): Promise<FoundNetwork[]> {
  const found = await api.listNetworks({ filters: { name: [name] } });
  return found
    .filter(({ Name }) => Name === name)
    .toSorted((one, two) => (one.Created + one.Id < two.Created + two.Id ? -1 : 1));
}

/**
 * Makes the network of an environment. The engine's names of networks are not unique: two services deployed for the first
 * time at once would make two, and their name would then be ambiguous. Whoever sees several keeps the oldest.
 */
export async function ensureNetwork(api: Docker, name: string): Promise<void> {
  if ((await networksNamed(api, name)).length === 0) {
    await api
      .createNetwork({ Name: name, CheckDuplicate: true, Labels: { 'sluice.network': 'true' } })
      .catch(unlessThere);
  }
  const [, ...doubles] = await networksNamed(api, name);
  await Promise.all(doubles.map(({ Id }) => api.getNetwork(Id).remove().catch(unlessGone)));
}

/** Another call made it meanwhile. */
function unlessThere(error: unknown): void {
  if (statusOf(error) !== 409) throw error as Error;
}

/** Gone already, or in use by containers that had named it by id: then it may stay, since no container is made by name. */
function unlessGone(error: unknown): void {
  const status = statusOf(error);
  if (status !== 404 && status !== 403 && status !== 409) throw error as Error;
}
