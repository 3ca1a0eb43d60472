import { artifactNameProblem } from './artifact-name.ts';
import type { ArtifactReference } from './definition.ts';

/** `commit.compile.artifacts.dist`; undefined for anything else. */
export function parseArtifactReference(text: string): ArtifactReference | undefined {
  const parts = /^(commit|test)\.([a-z0-9][a-z0-9_-]{0,62})\.artifacts\.([a-z0-9_-]{1,63})$/.exec(text);
  const [, stage, job, artifact] = parts ?? [];
  if (job === undefined || artifact === undefined || artifactNameProblem(artifact) !== undefined) return undefined;
  return { stage: stage === 'commit' ? 'commit' : 'test', job, artifact };
}
