import { createHash } from 'node:crypto';
import type { Plan } from '@sluice/engine';
import type { Definition } from '@sluice/pipeline-spec';

/** SHA-256 (hex) over definition and plan: part of what an approval is bound to (I17). */
export function planHash(definition: Definition, plan: Plan): string {
  return createHash('sha256')
    .update(JSON.stringify([definition, plan]))
    .digest('hex');
}
