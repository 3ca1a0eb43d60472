import type { RunnerPrincipal, UserPrincipal } from './principal.ts';

export interface SignedIn {
  readonly principal: UserPrincipal;
  readonly session: { readonly id: string; readonly csrfToken: string };
}

/**
 * Turns a credential into who is calling. `undefined` = unknown, expired, revoked or belonging to a disabled person: all
 * look alike to the caller. Rights are read from the database at every call, so a revoked one ends with the next request.
 */
export abstract class Authenticator {
  abstract session(token: string): Promise<SignedIn | undefined>;
  abstract apiToken(token: string): Promise<UserPrincipal | undefined>;
  abstract runnerToken(token: string): Promise<RunnerPrincipal | undefined>;
}
