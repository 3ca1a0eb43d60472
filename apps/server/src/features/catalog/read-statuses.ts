import type { z } from 'zod';
import type { commitStatus, repositoryStatuses } from '@sluice/protocol';
import type { DbOrTx } from '../../platform/db/database.ts';
import type { Row } from '../../platform/db/schema.ts';
import { apiUrlOf, repositoryPathOf } from '../../platform/forge/status-place.ts';

type CommitStatus = z.infer<typeof commitStatus>;

/** Where statuses of a repository go and what became of the last one; of one service where that is given. */
export async function readRepositoryStatuses(
  db: DbOrTx,
  row: Pick<Row<'repositories'>, 'id' | 'url' | 'statuses'> & { readonly ownToken: boolean },
  serviceId?: string,
): Promise<{ statuses?: z.infer<typeof repositoryStatuses> }> {
  if (row.statuses === null) return {};
  const { forge, apiUrl, repository, app } = row.statuses;
  const last = await storedStatuses(db)
    .where('commit_statuses.repository_id', '=', row.id)
    .$if(serviceId !== undefined, (query) => query.where('commit_statuses.service_id', '=', serviceId!))
    .orderBy(
      (eb) => eb.fn.coalesce('given_up_at', 'failing_since', 'sent_at'),
      (order) => order.desc().nullsLast(),
    )
    .limit(1)
    .executeTakeFirst();
  return {
    statuses: {
      forge,
      apiUrl: apiUrl ?? apiUrlOf(forge, row.url) ?? '',
      repository: repository ?? repositoryPathOf(row.url),
      ownToken: row.ownToken && app === undefined,
      ...(app && { app }),
      last: last ? shownStatus(last) : null,
    },
  };
}

/** Of a commit, as far as it speaks of this run. */
export async function readRunStatus(
  db: DbOrTx,
  run: { readonly id: string; readonly serviceId: string; readonly commit: string },
): Promise<{ commitStatus?: CommitStatus }> {
  const row = await storedStatuses(db)
    .where('commit_statuses.service_id', '=', run.serviceId)
    .where('commit_statuses.commit', '=', run.commit)
    .executeTakeFirst();
  const of = row?.sent?.runId;
  return row && (of === undefined || of === run.id) ? { commitStatus: shownStatus(row) } : {};
}

function storedStatuses(db: DbOrTx) {
  return db
    .selectFrom('commit_statuses')
    .innerJoin('services', 'services.id', 'commit_statuses.service_id')
    .select(['services.slug', 'commit', 'sent', 'sent_at', 'error', 'given_up_at']);
}

function shownStatus(
  row: Pick<Row<'commit_statuses'>, 'commit' | 'sent' | 'sent_at' | 'error' | 'given_up_at'> & {
    readonly slug: string;
  },
): CommitStatus {
  return {
    service: row.slug,
    commit: row.commit,
    state: row.sent?.state ?? null,
    description: row.sent?.description ?? null,
    sentAt: row.sent_at?.toISOString() ?? null,
    error: row.error,
    givenUpAt: row.given_up_at?.toISOString() ?? null,
  };
}
