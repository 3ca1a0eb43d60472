import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import { Clock } from '../../platform/clock/clock.port.ts';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { AttemptLimiter } from '../../platform/http/attempt-limiter.ts';
import { Problem } from '../../platform/http/problem.ts';
import { PublicOrigin } from '../../platform/http/public-origin.ts';
import { verifyPassword } from './passwords.ts';
import { describeMe, readMemberships } from './read-person.ts';
import { StartSession } from './start-session.ts';

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
  constructor(
    db: Kysely<Tables>,
    transactions: Transactions,
    sessions: StartSession,
    clock: Clock,
    origin: PublicOrigin,
  ) {
    this.#db = db;
    this.#transactions = transactions;
    this.#sessions = sessions;
    this.#clock = clock;
    this.#origin = origin;
  }

  async signIn(input: { email: string; password: string }, address: string) {
    requireSafeOrigin(this.#origin);
    const email = input.email.toLowerCase();
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
    if (!user || !matches || user.disabled)
      throw new Problem(401, 'sign-in-failed', 'The e-mail address or the password is wrong.');
    this.#byPerson.succeeded(`${address} ${email}`);
    this.#byAddress.forgive(address);
    return this.#transactions.run(async (unit) => {
      const session = await this.#sessions.start(unit, user.id);
      const memberships = await readMemberships(unit.tx, user.id);
      const me = describeMe(
        { userId: user.id, email: user.email, name: user.name, systemAdmin: user.system_admin, memberships },
        session.csrfToken,
      );
      return { me, token: session.token };
    });
  }
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
