import type { Unit } from '../../platform/db/transactions.ts';
import { conflict } from '../../platform/http/problem.ts';

/** By which a forge or a commit names a person. */
export interface Identity {
  readonly kind: 'login' | 'email';
  readonly value: string;
}

/** The address of a person is one of their identities; forges and mail do not tell capitals apart, so neither do we. */
export function identitiesOf(email: string, identities: readonly Identity[]): Identity[] {
  const all: Identity[] = [
    { kind: 'email', value: email },
    ...identities.map(({ kind, value }) => ({ kind, value: kind === 'email' ? value.toLowerCase() : value })),
  ];
  return all.filter((one, index) => all.findIndex((other) => keyOf(other) === keyOf(one)) === index);
}

/** Throws 409 when one of them belongs to another person: a gate could not tell the two apart. */
export async function linkIdentities(unit: Unit, userId: string, identities: readonly Identity[]): Promise<void> {
  for (const { kind, value } of identities) {
    const linked = await unit.tx
      .insertInto('user_identities')
      .values({ user_id: userId, kind, value })
      .onConflict((clash) => clash.doNothing())
      .returning('value')
      .executeTakeFirst();
    if (!linked) throw conflict('identity-taken', `The ${kind} ${value} belongs to another person.`);
  }
}

function keyOf({ kind, value }: Identity): string {
  return `${kind}:${value.toLowerCase()}`;
}
