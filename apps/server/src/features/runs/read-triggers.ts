import type { z } from 'zod';
import type { releaseTrigger, runInput, schedule } from '@sluice/protocol';
import type { Db } from '../../platform/db/database.ts';

/** What starts runs of a service by itself, and how it went the last time. */
export async function readTriggers(
  db: Db,
  serviceId: string,
): Promise<{ schedules: z.infer<typeof schedule>[]; afterReleases: z.infer<typeof releaseTrigger>[] }> {
  const [schedules, releases] = await Promise.all([
    db.selectFrom('schedules').selectAll().where('service_id', '=', serviceId).orderBy('next_at').execute(),
    db.selectFrom('release_triggers').selectAll().where('service_id', '=', serviceId).orderBy('source').execute(),
  ]);
  return {
    schedules: schedules.map((row) => ({
      cron: row.cron,
      timezone: row.timezone,
      branch: row.branch,
      nextAt: row.next_at?.toISOString() ?? null,
      lastAt: row.last_at?.toISOString() ?? null,
      problem: row.problem,
    })),
    afterReleases: releases.map((row) => ({
      service: row.source,
      environment: row.environment,
      lastAt: row.last_at?.toISOString() ?? null,
      problem: row.problem,
    })),
  };
}

/** In the order of the file. A run of another branch may have other inputs; what it really takes is checked when it starts. */
export async function readInputs(
  db: Db,
  service: { readonly id: string; readonly defaultBranch: string },
): Promise<{ inputs?: Record<string, z.infer<typeof runInput>> }> {
  const run = await db
    .selectFrom('runs')
    .select('definition')
    .where('service_id', '=', service.id)
    .where('ref', '=', `refs/heads/${service.defaultBranch}`)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
  const { inputs = {}, inputOrder = Object.keys(inputs) } = run?.definition.on ?? {};
  const declared = inputOrder.flatMap((name): [string, z.infer<typeof runInput>][] => {
    const input = inputs[name];
    if (input === undefined) return [];
    return [[name, input.type === 'choice' ? { ...input, options: [...input.options] } : input]];
  });
  return declared.length === 0 ? {} : { inputs: Object.fromEntries(declared) };
}
