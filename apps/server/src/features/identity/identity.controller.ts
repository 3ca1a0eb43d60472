import { Controller, Req, Res } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract } from '@sluice/protocol';
import type { FastifyReply } from 'fastify';
import { Kysely } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { Access, CurrentUser, TokenScope, type SluiceRequest } from '../../platform/http/access.ts';
import { clientAddress } from '../../platform/http/client-address.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { PublicOrigin } from '../../platform/http/public-origin.ts';
import { endedSessionCookie, sessionCookie } from '../../platform/http/session-cookie.ts';
import { ApiTokens } from './api-tokens.ts';
import { ChangePassword } from './change-password.ts';
import { CreateFirstAdmin } from './create-first-admin.ts';
import { CreateUser } from './create-user.ts';
import { ListUsers } from './list-users.ts';
import { describeMe } from './read-person.ts';
import { ResetLinks } from './reset-links.ts';
import { Sessions } from './sessions.ts';
import { SetDisabled } from './set-disabled.ts';
import { SetIdentities } from './set-identities.ts';
import { SetMembership } from './set-membership.ts';
import { SetupLink } from './setup-link.ts';
import { requireHttpsToProxy, requireSafeOrigin, SignIn } from './sign-in.ts';
import type { SessionOrigin } from './start-session.ts';

const identity = contract.identity;
const OK = { ok: true } as const;

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
  readonly #identities: SetIdentities;
  readonly #tokens: ApiTokens;
  readonly #password: ChangePassword;
  readonly #sessions: Sessions;
  readonly #disabled: SetDisabled;
  readonly #resetLinks: ResetLinks;
  constructor(
    db: Kysely<Tables>,
    origin: PublicOrigin,
    link: SetupLink,
    firstAdmin: CreateFirstAdmin,
    signIn: SignIn,
    users: ListUsers,
    createUser: CreateUser,
    membership: SetMembership,
    identities: SetIdentities,
    tokens: ApiTokens,
    password: ChangePassword,
    sessions: Sessions,
    disabled: SetDisabled,
    resetLinks: ResetLinks,
  ) {
    this.#db = db;
    this.#origin = origin;
    this.#link = link;
    this.#firstAdmin = firstAdmin;
    this.#signIn = signIn;
    this.#users = users;
    this.#createUser = createUser;
    this.#membership = membership;
    this.#identities = identities;
    this.#tokens = tokens;
    this.#password = password;
    this.#sessions = sessions;
    this.#disabled = disabled;
    this.#resetLinks = resetLinks;
  }

  @Access('public')
  @Implement(identity.setupState)
  setupState() {
    return implement(identity.setupState).handler(async () => ({ needed: await this.#link.needed() }));
  }

  @Access('public')
  @Implement(identity.setup)
  setup(@Req() request: SluiceRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return implement(identity.setup).handler(async ({ input }) => {
      requireSafeOrigin(this.#origin);
      requireHttpsToProxy(request, this.#origin);
      const { me, token } = await this.#firstAdmin.create(input, sessionOrigin(request));
      void reply.header('set-cookie', sessionCookie(token));
      return me;
    });
  }

  @Access('public')
  @Implement(identity.signIn)
  signIn(@Req() request: SluiceRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return implement(identity.signIn).handler(async ({ input }) => {
      requireHttpsToProxy(request, this.#origin);
      const { me, token } = await this.#signIn.signIn(input, sessionOrigin(request));
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

  /** What it says decides who may open a gate. */
  @TokenScope('never')
  @Implement(identity.setIdentities)
  setIdentities(@CurrentUser() person: UserPrincipal) {
    return implement(identity.setIdentities).handler(({ input }) => this.#identities.set(person, input));
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

  @TokenScope('never')
  @Implement(identity.changePassword)
  changePassword(@CurrentUser() person: UserPrincipal, @Req() request: SluiceRequest) {
    return implement(identity.changePassword).handler(async ({ input }) => {
      const { address } = sessionOrigin(request);
      await this.#password.change(person, input, { id: sessionOf(request), address });
      return OK;
    });
  }

  @TokenScope('never')
  @Implement(identity.listSessions)
  listSessions(@CurrentUser() person: UserPrincipal, @Req() request: SluiceRequest) {
    return implement(identity.listSessions).handler(() => this.#sessions.list(person, sessionOf(request)));
  }

  @TokenScope('never')
  @Implement(identity.endSession)
  endSession(@CurrentUser() person: UserPrincipal) {
    return implement(identity.endSession).handler(async ({ input }) => {
      await this.#sessions.end(person, input.sessionId);
      return OK;
    });
  }

  @TokenScope('never')
  @Implement(identity.endOtherSessions)
  endOtherSessions(@CurrentUser() person: UserPrincipal, @Req() request: SluiceRequest) {
    return implement(identity.endOtherSessions).handler(async () => ({
      ended: await this.#sessions.endOthers(person, sessionOf(request)),
    }));
  }

  @TokenScope('never')
  @Implement(identity.setDisabled)
  setDisabled(@CurrentUser() person: UserPrincipal) {
    return implement(identity.setDisabled).handler(({ input }) => this.#disabled.set(person, input));
  }

  @TokenScope('never')
  @Implement(identity.createResetLink)
  createResetLink(@CurrentUser() person: UserPrincipal) {
    return implement(identity.createResetLink).handler(({ input }) => this.#resetLinks.create(person, input.userId));
  }

  @Access('public')
  @Implement(identity.resetPassword)
  resetPassword(@Req() request: SluiceRequest) {
    return implement(identity.resetPassword).handler(async ({ input }) => {
      requireSafeOrigin(this.#origin);
      requireHttpsToProxy(request, this.#origin);
      await this.#resetLinks.use(input, clientAddress(request));
      return OK;
    });
  }
}

function sessionOrigin(request: SluiceRequest): SessionOrigin {
  return { address: clientAddress(request), agent: request.headers['user-agent'] ?? null };
}

/** Routes that no API token may use are called with a session alone. */
function sessionOf(request: SluiceRequest): string {
  if (request.session === undefined) throw new Error('route without session');
  return request.session.id;
}
