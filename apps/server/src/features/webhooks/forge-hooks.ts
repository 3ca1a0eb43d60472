import type { RepositoryKind } from '@sluice/protocol';
import type { HookEvent } from './hook-event.ts';
import { readBitbucketEvent } from './read-bitbucket-event.ts';
import { readGitEvent } from './read-git-event.ts';
import { readGiteaEvent } from './read-gitea-event.ts';
import { readGithubEvent } from './read-github-event.ts';
import { readGitlabEvent } from './read-gitlab-event.ts';
import { verifySignature, verifyToken } from './verify-signature.ts';

/** How a forge speaks: the lower-case names of its headers, how it proves itself, and what its events say. */
export interface ForgeHook {
  readonly event: string;
  /** Gives the id under which the forge repeats a delivery. */
  readonly delivery: string;
  /** Gives the id of what caused the delivery and maybe others; with the content it stands in for an id of its own. */
  readonly cause?: string;
  readonly proof: string;
  verify(body: Uint8Array, proof: string | undefined, secret: string): boolean;
  read(name: string, body: unknown): HookEvent;
}

export const FORGE_HOOKS: Readonly<Record<RepositoryKind, ForgeHook>> = {
  github: {
    event: 'x-github-event',
    delivery: 'x-github-delivery',
    proof: 'x-hub-signature-256',
    verify: (body, proof, secret) => verifySignature(body, withoutPrefix(proof), secret),
    read: readGithubEvent,
  },
  gitlab: {
    event: 'x-gitlab-event',
    // Versions before 17.4 do not send it.
    delivery: 'idempotency-key',
    cause: 'x-gitlab-event-uuid',
    proof: 'x-gitlab-token',
    verify: (_, proof, secret) => verifyToken(proof, secret),
    read: readGitlabEvent,
  },
  gitea: {
    event: 'x-gitea-event',
    delivery: 'x-gitea-delivery',
    proof: 'x-gitea-signature',
    verify: verifySignature,
    read: readGiteaEvent,
  },
  bitbucket: {
    event: 'x-event-key',
    delivery: 'x-request-uuid',
    proof: 'x-hub-signature',
    verify: (body, proof, secret) => verifySignature(body, withoutPrefix(proof), secret),
    read: readBitbucketEvent,
  },
  git: {
    event: 'x-sluice-event',
    delivery: 'x-sluice-delivery',
    proof: 'x-sluice-signature-256',
    verify: (body, proof, secret) => verifySignature(body, withoutPrefix(proof), secret),
    read: readGitEvent,
  },
};

/** `sha256=<hex>`; another algorithm is no signature. */
function withoutPrefix(proof: string | undefined): string | undefined {
  return /^sha256=(.*)$/.exec(proof ?? '')?.[1];
}
