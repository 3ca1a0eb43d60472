import { z } from 'zod';

/** As services, repositories and environments are named. */
export const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,50}$/, 'use a-z, 0-9 and -');
/** Somebody of the cast (world/cast.ts). */
export const person = z.enum(['dana', 'drew', 'rita', 'ruben', 'vera', 'olga', 'root']);
export const pusher = z.enum(['dana', 'drew', 'rita', 'ruben', 'eve']);
export const service = z.string().optional();
/** A run's number, or the name of a push. */
export const runReference = z.union([z.number().int().min(1), z.string()]).optional();
/** The answer that a call must be refused with. */
export const refusal = z
  .strictObject({ status: z.number().int(), code: z.string().optional(), says: z.string().optional() })
  .optional();
