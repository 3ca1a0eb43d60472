import type { z } from 'zod';
import type { evidenceItem } from '@sluice/protocol';
import type { Db } from '../../platform/db/database.ts';
import type { Row } from '../../platform/db/schema.ts';
import type { ChangeSinceLive } from './read-contributors.ts';

type Evidence = z.infer<typeof evidenceItem>;

/** What speaks for a release at a gate. Missing evidence is an entry of its own, never a blank. */
export async function collectEvidence(
  db: Db,
  release: Row<'releases'>,
  environment: string,
  change: ChangeSinceLive,
): Promise<Evidence[]> {
  return [tests(release), image(release), await previousEnvironment(db, release, environment), identities(change)];
}

function tests(release: Row<'releases'>): Evidence {
  const counts = release.evidence.tests;
  if (!counts) return { kind: 'tests', state: 'missing', text: 'The run reported no test cases.' };
  const text = `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
  return { kind: 'tests', state: counts.failed > 0 ? 'failed' : 'passed', text };
}

function image(release: Row<'releases'>): Evidence {
  const text = `Built once from ${release.commit.slice(0, 7)} in run ${release.run_number}; pulled by digest ${release.digest.slice(0, 19)}…`;
  return { kind: 'image', state: 'passed', text };
}

async function previousEnvironment(db: Db, release: Row<'releases'>, environment: string): Promise<Evidence> {
  const previous = release.route[release.route.indexOf(environment) - 1];
  if (previous === undefined) {
    return { kind: 'previous-environment', state: 'missing', text: 'This is the first environment of the route.' };
  }
  const row = await db
    .selectFrom('deployments')
    .innerJoin('environments', 'environments.id', 'deployments.environment_id')
    .select(['deployments.status', 'deployments.finished_at'])
    .where('release_id', '=', release.id)
    .where('environments.name', '=', previous)
    .executeTakeFirst();
  if (row?.status !== 'passed' || !row.finished_at) {
    return { kind: 'previous-environment', state: 'failed', text: `This release is not live in ${previous}.` };
  }
  return {
    kind: 'previous-environment',
    state: 'passed',
    text: `Went live and healthy in ${previous} on ${readable(row.finished_at)}.`,
  };
}

/** An author or pusher that is linked to nobody cannot be told apart from an approver: the reader must know. */
function identities(change: ChangeSinceLive): Evidence {
  const unlinked = change.contributors.filter((hand) => hand.userId === undefined);
  if (unlinked.length === 0) {
    return { kind: 'people', state: 'passed', text: 'Everyone with a hand in this change is a known person.' };
  }
  const names = [...new Set(unlinked.map((hand) => hand.identity))].join(', ');
  return {
    kind: 'people',
    state: 'missing',
    text: `Linked to no person here, so independence is not proven: ${names}.`,
  };
}

/** `23 Nov 19:02 UTC`: evidence names its time zone. */
function readable(at: Date): string {
  const date = at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
  const time = at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: 'UTC' });
  return `${date} ${time} UTC`;
}
