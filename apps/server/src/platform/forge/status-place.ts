import type { ForgeName } from './commit-statuses.port.ts';

/** Base address of a forge's API as it follows from a repository's address; undefined where it does not. */
export function apiUrlOf(forge: ForgeName, repositoryUrl: string): string | undefined {
  const url = new URL(repositoryUrl);
  // The port of ssh says nothing about that of the API.
  const origin = url.protocol === 'ssh:' ? `https://${url.hostname}` : url.origin;
  switch (forge) {
    case 'github':
      return url.hostname === 'github.com' ? 'https://api.github.com' : `${origin}/api/v3`;
    case 'gitlab':
      return `${origin}/api/v4`;
    case 'gitea':
      return `${origin}/api/v1`;
    case 'bitbucket':
      return url.hostname === 'bitbucket.org' ? 'https://api.bitbucket.org/2.0' : undefined;
  }
}

const SEGMENT = '[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?';
const PATHS: Readonly<Record<ForgeName, RegExp>> = {
  github: new RegExp(`^${SEGMENT}/${SEGMENT}$`),
  gitea: new RegExp(`^${SEGMENT}/${SEGMENT}$`),
  bitbucket: new RegExp(`^${SEGMENT}/${SEGMENT}$`),
  // Groups nest.
  gitlab: new RegExp(`^${SEGMENT}(?:/${SEGMENT}){1,20}$`),
};

/** `owner/name` of a repository's address; undefined when it has not the form that the forge gives its repositories. */
export function repositoryPathOf(repositoryUrl: string): string {
  return new URL(repositoryUrl).pathname.replace(/^\/+|\/+$/g, '').replace(/\.git$/, '');
}

/** These become parts of an address: nothing that would mean something else there. */
export function isRepositoryPath(forge: ForgeName, path: string): boolean {
  return PATHS[forge].test(path);
}
