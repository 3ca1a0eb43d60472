import type { Unit } from '../../platform/db/transactions.ts';

/** Ends the sessions of a person, all or all but one; they are gone with the commit. How many there were. */
export async function endSessions(unit: Unit, userId: string, except?: string): Promise<number> {
  let ending = unit.tx.deleteFrom('sessions').where('user_id', '=', userId);
  if (except !== undefined) ending = ending.where('id', '!=', except);
  const { numDeletedRows } = await ending.executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
