import type { OutputReference } from './definition.ts';

/** `commit.verify.outputs.url`; undefined for anything else. */
export function parseOutputReference(text: string): OutputReference | undefined {
  const parts = /^(commit|test)\.([a-z0-9][a-z0-9_-]{0,62})\.outputs\.([A-Za-z_][A-Za-z0-9_]{0,62})$/.exec(text);
  const [, stage, job, output] = parts ?? [];
  if (job === undefined || output === undefined) return undefined;
  return { stage: stage === 'commit' ? 'commit' : 'test', job, output };
}
