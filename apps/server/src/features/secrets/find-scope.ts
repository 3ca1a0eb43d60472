import type { DbOrTx } from '../../platform/db/database.ts';
import { notFound } from '../../platform/http/problem.ts';

/** Ids of the service and environment that a secret is narrowed to; both must belong to the team. */
export async function findScope(
  db: DbOrTx,
  teamId: string,
  { service, environment }: { service: string | null; environment: string | null },
): Promise<{ serviceId: string | null; environmentId: string | null }> {
  const serviceRow =
    service === null
      ? null
      : await db
          .selectFrom('services')
          .select('id')
          .where('team_id', '=', teamId)
          .where('slug', '=', service)
          .executeTakeFirst();
  if (serviceRow === undefined) throw notFound(`Service ${service}`);
  const environmentRow =
    environment === null
      ? null
      : await db
          .selectFrom('environments')
          .select('id')
          .where('team_id', '=', teamId)
          .where('name', '=', environment)
          .executeTakeFirst();
  if (environmentRow === undefined) throw notFound(`Environment ${environment}`);
  return { serviceId: serviceRow?.id ?? null, environmentId: environmentRow?.id ?? null };
}
