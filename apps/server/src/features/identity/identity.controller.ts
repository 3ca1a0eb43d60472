import { Controller, Req, Res } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract } from '@sluice/protocol';
import type { FastifyReply } from 'fastify';
import { Kysely } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { Access, CurrentUser, TokenScope, type SluiceRequest } from '../../platform/http/access.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { PublicOrigin } from '../../platform/http/public-origin.ts';
import { endedSessionCookie, sessionCookie } from '../../platform/http/session-cookie.ts';
import { ApiTokens } from './api-tokens.ts';
import { CreateFirstAdmin } from './create-first-admin.ts';
import { CreateUser } from './create-user.ts';
import { ListUsers } from './list-users.ts';
import { describeMe } from './read-person.ts';
import { SetMembership } from './set-membership.ts';
import { SetupLink } from './setup-link.ts';
import { requireSafeOrigin, SignIn } from './sign-in.ts';

const identity = contract.identity;

@Controller()
export class IdentityController {
  readonly #db: Kysely<Tables>;
  readonly #origin: PublicOrigin;
  readonly #link: SetupLink;
  readonly #firstAdmin: CreateFirstAdmin;
  readonly #signIn: SignIn;
  readonly #users: ListUsers;
  readonly #createUser: CreateUser;
  readonly #membership: SetMembership;
  readonly #tokens: ApiTokens;
  constructor(
    db: Kysely<Tables>,
    origin: PublicOrigin,
    link: SetupLink,
    firstAdmin: CreateFirstAdmin,
    signIn: SignIn,
    users: ListUsers,
    createUser: CreateUser,
    membership: SetMembership,
    tokens: ApiTokens,
  ) {
    this.#db = db;
    this.#origin = origin;
    this.#link = link;
    this.#firstAdmin = firstAdmin;
    this.#signIn = signIn;
    this.#users = users;
    this.#createUser = createUser;
    this.#membership = membership;
    this.#tokens = tokens;
  }

  @Access('public')
  @Implement(identity.setupState)
  setupState() {
    return implement(identity.setupState).handler(async () => ({ needed: await this.#link.needed() }));
  }

  @Access('public')
  @Implement(identity.setup)
  setup(@Res({ passthrough: true }) reply: FastifyReply) {
    return implement(identity.setup).handler(async ({ input }) => {
      requireSafeOrigin(this.#origin);
      const { me, token } = await this.#firstAdmin.create(input);
      void reply.header('set-cookie', sessionCookie(token));
      return me;
    });
  }

  @Access('public')
  @Implement(identity.signIn)
  signIn(@Req() request: SluiceRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return implement(identity.signIn).handler(async ({ input }) => {
      const { me, token } = await this.#signIn.signIn(input, request.ip);
      void reply.header('set-cookie', sessionCookie(token));
      return me;
    });
  }

  @Implement(identity.signOut)
  signOut(@Req() request: SluiceRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return implement(identity.signOut).handler(async () => {
      if (request.session) await this.#db.deleteFrom('sessions').where('id', '=', request.session.id).execute();
      void reply.header('set-cookie', endedSessionCookie());
      return { ok: true as const };
    });
  }

  @Implement(identity.me)
  me(@CurrentUser() person: UserPrincipal, @Req() request: SluiceRequest) {
    return implement(identity.me).handler(() => describeMe(person, request.session?.csrfToken ?? null));
  }

  @Implement(identity.listUsers)
  listUsers(@CurrentUser() person: UserPrincipal) {
    return implement(identity.listUsers).handler(() => this.#users.list(person));
  }

  /** A token must not be able to make a person, or give one more rights: both would outlive it. */
  @TokenScope('never')
  @Implement(identity.createUser)
  createUser(@CurrentUser() person: UserPrincipal) {
    return implement(identity.createUser).handler(({ input }) => this.#createUser.create(person, input));
  }

  @TokenScope('never')
  @Implement(identity.setMembership)
  setMembership(@CurrentUser() person: UserPrincipal) {
    return implement(identity.setMembership).handler(async ({ input }) => {
      await this.#membership.set(person, input);
      return { ok: true as const };
    });
  }

  @Implement(identity.listTokens)
  listTokens(@CurrentUser() person: UserPrincipal) {
    return implement(identity.listTokens).handler(() => this.#tokens.list(person));
  }

  /** A token must not be able to make itself a successor. */
  @TokenScope('never')
  @Implement(identity.createToken)
  createToken(@CurrentUser() person: UserPrincipal) {
    return implement(identity.createToken).handler(({ input }) => this.#tokens.create(person, input));
  }

  @Implement(identity.revokeToken)
  revokeToken(@CurrentUser() person: UserPrincipal) {
    return implement(identity.revokeToken).handler(async ({ input }) => {
      await this.#tokens.revoke(person, input.tokenId);
      return { ok: true as const };
    });
  }
}
