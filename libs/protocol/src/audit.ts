import { oc } from '@orpc/contract';
import { z } from 'zod';
import { auditEntry } from './catalog.ts';
import { instant, page, pageQuery } from './values.ts';

/** How the chain of entries was found. */
export const auditChain = z.object({
  kind: z.enum(['intact', 'broken', 'cut', 'forged', 'unsealed']),
  /** Entries that were found, with those that retention removed; with `intact` all there ever were. */
  entries: z.number().int(),
  /** Oldest entries that retention removed after checking them, and when the last of them was written; absent = none. */
  removed: z.object({ entries: z.number().int(), to: instant }).optional(),
  /** One sentence: what is wrong and where, or what is proven. */
  message: z.string(),
  /** Last hash of the chain. Kept elsewhere, it shows also a database that was set back as a whole. */
  head: z.string(),
});

export const auditContract = {
  listInstallationAudit: oc
    .route({
      method: 'GET',
      path: '/audit',
      tags: ['audit'],
      summary: 'Who did what to the installation itself: people, sessions, shared pools (system admins)',
    })
    .input(z.object({ ...pageQuery }))
    .output(page(auditEntry)),
  checkAudit: oc
    .route({
      method: 'GET',
      path: '/audit/chain',
      tags: ['audit'],
      summary: 'Read all entries and check that none was changed, removed or cut off (system admins)',
    })
    .output(auditChain),
};
