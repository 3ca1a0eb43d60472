import type { Approver } from '@sluice/engine';
import type { Unit } from '../../platform/db/transactions.ts';

/** Whoever has approved a deployment before, as far as they still have a role here. */
export async function approversNow(unit: Unit, laneId: string, deploymentId: string): Promise<readonly Approver[]> {
  const row = await unit.tx
    .selectFrom('deployments')
    .select('approvals')
    .where('id', '=', deploymentId)
    .executeTakeFirst();
  return rightsNow(
    unit,
    laneId,
    (row?.approvals ?? []).map(({ userId }) => userId),
  );
}

/**
 * Roles in the lane's team at this moment; a disabled person has none. A change of them waits for the end of this
 * transaction, so what was read here holds when it commits (F59).
 */
export async function rightsNow(unit: Unit, laneId: string, userIds: readonly string[]): Promise<readonly Approver[]> {
  if (userIds.length === 0) return [];
  const rows = await unit.tx
    .selectFrom('memberships')
    .innerJoin('users', 'users.id', 'memberships.user_id')
    .innerJoin('lanes', 'lanes.team_id', 'memberships.team_id')
    .select(['memberships.user_id', 'memberships.role', 'users.name'])
    .where('lanes.id', '=', laneId)
    .where('memberships.user_id', 'in', userIds)
    .where('users.disabled', '=', false)
    .orderBy('memberships.user_id')
    .forShare(['memberships', 'users'])
    .execute();
  return rows.map(({ user_id: userId, name, role }) => ({ userId, name, roles: [role] }));
}
