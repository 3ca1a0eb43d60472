import { oc } from '@orpc/contract';
import { z } from 'zod';
import { instant, ok, slug } from './values.ts';

const limit = z.number().int().min(1).max(1_000_000);

/** How long a team keeps what is its own: days after the end of each, and how many runs of a service at most. */
export const teamLimits = z.strictObject({
  runDays: limit,
  runsMost: limit,
  logDays: limit,
  testDays: limit,
  deploymentEventDays: limit,
});
export const installationLimits = teamLimits.extend({
  deliveryDays: limit,
  auditDays: limit,
  accessDays: limit,
  messageDays: limit,
});

/** What stands in the place of something that is gone. */
export const removed = z.object({ at: instant, afterDays: z.number().int() });

export const retentionSweep = z.object({
  startedAt: instant,
  /** Null: it goes on, or its server died. */
  finishedAt: instant.nullable(),
  /** How many of each kind went; `objects` are blobs of logs. */
  removed: z.record(z.string(), z.number().int()),
  /** One sentence for each kind that could not be removed; the next sweep tries again. */
  problems: z.array(z.string()),
  /** More was due than one sweep takes; the next one begins within a minute. */
  more: z.boolean(),
});

export const retentionContract = {
  getRetention: oc
    .route({
      method: 'GET',
      path: '/retention',
      tags: ['retention'],
      summary: 'Limits of the installation, teams that keep less, and what the last sweeps removed (system admins)',
    })
    .output(
      z.object({
        on: z.boolean(),
        limits: installationLimits,
        teams: z.array(z.object({ team: slug, limits: teamLimits })),
        /** Newest first. */
        sweeps: z.array(retentionSweep),
      }),
    ),
  sweepNow: oc
    .route({ method: 'POST', path: '/retention/sweep', tags: ['retention'], summary: 'Sweep now (system admins)' })
    .output(ok),
  getTeamRetention: oc
    .route({
      method: 'GET',
      path: '/teams/{team}/retention',
      tags: ['retention'],
      summary: 'How long a team keeps what is its own',
    })
    .input(z.object({ team: slug }))
    .output(z.object({ on: z.boolean(), limits: teamLimits, installation: teamLimits })),
  putTeamRetention: oc
    .route({
      method: 'PUT',
      path: '/teams/{team}/retention',
      tags: ['retention'],
      summary: 'Keep less than the installation does; what is left out is kept as long as there',
    })
    .input(z.object({ team: slug, limits: teamLimits.partial() }))
    .output(z.object({ on: z.boolean(), limits: teamLimits, installation: teamLimits })),
};
