import type { z } from 'zod';
import type { Scene } from '../scenario/scene.ts';

/** A verb of scenario files: what it must be told, and what it does. Throws when it cannot be done or comes out otherwise than told. */
export interface StepKind {
  readonly verb: string;
  readonly schema: z.ZodType;
  play(scene: Scene, input: unknown): Promise<void>;
}

export function stepKind<Schema extends z.ZodType>(
  verb: string,
  schema: Schema,
  play: (scene: Scene, input: z.output<Schema>) => Promise<void>,
): StepKind {
  // The loader has put the input through this very schema.
  return { verb, schema, play: (scene, input) => play(scene, input as z.output<Schema>) };
}
