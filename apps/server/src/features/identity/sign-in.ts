import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Kysely } from 'kysely';
import { Clock } from '../../platform/clock/clock.port.ts';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { AttemptLimiter } from '../../platform/http/attempt-limiter.ts';
import { cameByPlainHttp, limitKey } from '../../platform/http/client-address.ts';
import { Problem } from '../../platform/http/problem.ts';
import { PublicOrigin } from '../../platform/http/public-origin.ts';
import { Audit } from '../audit/index.ts';
import { verifyPassword } from './passwords.ts';
import { describeMe, readMemberships } from './read-person.ts';
import { StartSession, type SessionOrigin } from './start-session.ts';

const WINDOW_MS = 15 * 60_000;

/** Password sign-in. Unknown person, wrong password and disabled person get the same answer after the same time (A77). */
@Injectable()
export class SignIn {
  readonly #byPerson = new AttemptLimiter(10, WINDOW_MS);
  readonly #byAddress = new AttemptLimiter(100, WINDOW_MS);
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  readonly #sessions: StartSession;
  readonly #clock: Clock;
  readonly #origin: PublicOrigin;
  readonly #audit: Audit;
  constructor(
    db: Kysely<Tables>,
    transactions: Transactions,
    sessions: StartSession,
    clock: Clock,
    origin: PublicOrigin,
    audit: Audit,
  ) {
    this.#db = db;
    this.#transactions = transactions;
    this.#sessions = sessions;
    this.#clock = clock;
    this.#origin = origin;
    this.#audit = audit;
  }

  async signIn(input: { email: string; password: string }, from: SessionOrigin) {
    requireSafeOrigin(this.#origin);
    const email = input.email.toLowerCase();
    const address = limitKey(from.address);
    const keys = [
      [this.#byPerson, `${address} ${email}`],
      [this.#byAddress, address],
    ] as const;
    const now = this.#clock.now();
    const wait = Math.max(...keys.map(([limiter, key]) => limiter.secondsToWait(key, now)));
    if (wait > 0) {
      throw new Problem(429, 'too-many-tries', `Too many failed sign-ins; try again in ${Math.ceil(wait / 60)} min.`, {
        retryAfterSeconds: wait,
      });
    }
    // Counted before the slow part, so that parallel guesses cannot slip through; forgiven on success.
    for (const [limiter, key] of keys) limiter.failed(key, now);
    const user = await this.#db.selectFrom('users').selectAll().where('email', '=', email).executeTakeFirst();
    const matches = await verifyPassword(input.password, user?.password_hash);
    if (!user || !matches || user.disabled) throw signInFailed();
    this.#byPerson.succeeded(`${address} ${email}`);
    this.#byAddress.forgive(address);
    return this.#transactions.run(async (unit) => {
      // Looked at again: the check above was slow, and a disabled person or an old password opens nothing.
      const still = await unit.tx
        .selectFrom('users')
        .select('id')
        .where('id', '=', user.id)
        .where('disabled', '=', false)
        .where('password_hash', '=', user.password_hash)
        .forShare()
        .executeTakeFirst();
      if (!still) throw signInFailed();
      const session = await this.#sessions.start(unit, user.id, from);
      const memberships = await readMemberships(unit.tx, user.id);
      const me = describeMe(
        { userId: user.id, email: user.email, name: user.name, systemAdmin: user.system_admin, memberships },
        session.csrfToken,
      );
      await this.#audit.record(unit, {
        teamId: null,
        actor: { kind: 'user', userId: user.id, name: user.name },
        action: 'session.start',
        subject: `user:${user.id}`,
        detail: { address: from.address },
      });
      return { me, token: session.token };
    });
  }
}

function signInFailed(): Problem {
  return new Problem(401, 'sign-in-failed', 'The e-mail address or the password is wrong.');
}

/** Over plain http beyond this machine the cookie would be refused by the browser, or readable by anyone in between (A73). */
export function requireSafeOrigin(origin: PublicOrigin): void {
  if (origin.allowsSignIn) return;
  throw new Problem(
    403,
    'https-needed',
    'Sign-in needs https: put TLS in front of the server and set PUBLIC_URL to its https address.',
  );
}

/** The cookie is for https alone; a proxy that was reached by plain http would have let the password be read on the way. */
export function requireHttpsToProxy(
  request: Pick<FastifyRequest, 'protocol' | 'headers' | 'ip' | 'socket'>,
  origin: PublicOrigin,
): void {
  if (!origin.value.startsWith('https:') || !cameByPlainHttp(request)) return;
  throw new Problem(403, 'https-needed', `This request came to the proxy by plain http; open ${origin.value} instead.`);
}
