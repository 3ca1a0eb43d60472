import { oc } from '@orpc/contract';
import { z } from 'zod';
import { actor, id, instant, ok } from './values.ts';

/** Longest time for which the container of a failed job is kept, in minutes; an installation may allow less. */
export const KEEP_MINUTES_MOST = 240;
/** Shells that are open in one kept container at once. */
export const SHELLS_MOST = 2;
/** Characters of input in one call. */
export const SHELL_INPUT_MOST = 4_096;

/**
 * A re-run may ask that the containers of jobs that fail in it are kept. What the job said stands: the run goes on and ends as ever. In a kept
 * container a person opens shells. The live topic `shell:<id>` tells that one has said something; `readShell` reads on from a byte, and
 * saying what was read already makes room for more: a shell that nobody reads is held up.
 */
export const keepRequest = z.object({ keepMinutes: z.number().int().min(1).max(KEEP_MINUTES_MOST) });

const terminalSize = { columns: z.number().int().min(1).max(500), rows: z.number().int().min(1).max(300) };
export const keptJob = z.object({
  attemptId: id,
  job: z.string(),
  /** Number of the job's attempt. */
  attempt: z.number().int(),
  runner: z.string(),
  since: instant,
  until: instant,
  endedAt: instant.nullable(),
  /** Why it is kept no longer, a sentence. */
  ended: z.string().nullable(),
  shells: z.array(
    z.object({
      id,
      by: actor,
      openedAt: instant,
      closedAt: instant.nullable(),
      /** Why it is closed, a sentence. */
      closed: z.string().nullable(),
    }),
  ),
});
export type KeptJob = z.infer<typeof keptJob>;

export const debugContract = {
  getDebug: oc
    .route({
      method: 'GET',
      path: '/runs/{runId}/debug',
      tags: ['debug'],
      summary: 'Containers of failed jobs that are kept for a look inside, and whether more may be asked for',
    })
    .input(z.object({ runId: id }))
    .output(
      z.object({
        /** Most minutes that I may ask for with a re-run; null with the reason why I may not. */
        mostMinutes: z.number().int().nullable(),
        refusal: z.string().nullable(),
        /** What was asked for when this run was started. */
        asked: z.object({ by: actor, minutes: z.number().int() }).nullable(),
        kept: z.array(keptJob),
      }),
    ),
  endKept: oc
    .route({
      method: 'POST',
      path: '/attempts/{attemptId}/kept/end',
      tags: ['debug'],
      summary: 'Remove a kept container now',
    })
    .input(z.object({ attemptId: id }))
    .output(ok),
  openShell: oc
    .route({
      method: 'POST',
      path: '/attempts/{attemptId}/kept/shells',
      tags: ['debug'],
      summary: 'Open a shell in a kept container',
    })
    .input(z.object({ attemptId: id, ...terminalSize }))
    .output(z.object({ shellId: id })),
  readShell: oc
    .route({
      method: 'POST',
      path: '/shells/{shellId}/read',
      tags: ['debug'],
      summary: 'What a shell of mine said from a byte on; everything before it counts as read',
    })
    .input(z.object({ shellId: id, from: z.number().int().min(0) }))
    .output(
      z.object({
        /** Where `data` begins: behind the asked byte when that is not kept any more. */
        from: z.number().int(),
        /** Base64, secrets of the job masked. */
        data: z.string(),
        /** Bytes that the shell has said so far. */
        length: z.number().int(),
        closedAt: instant.nullable(),
        closed: z.string().nullable(),
      }),
    ),
  writeShell: oc
    .route({
      method: 'POST',
      path: '/shells/{shellId}/write',
      tags: ['debug'],
      summary: 'Type into a shell of mine',
    })
    .input(z.object({ shellId: id, text: z.string().min(1).max(SHELL_INPUT_MOST) }))
    .output(ok),
  resizeShell: oc
    .route({ method: 'POST', path: '/shells/{shellId}/resize', tags: ['debug'], summary: 'Size of its terminal' })
    .input(z.object({ shellId: id, ...terminalSize }))
    .output(ok),
  closeShell: oc
    .route({ method: 'POST', path: '/shells/{shellId}/close', tags: ['debug'], summary: 'Close a shell' })
    .input(z.object({ shellId: id }))
    .output(ok),
};
