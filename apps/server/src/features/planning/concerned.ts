import { changedPatterns } from '@sluice/engine';
import { matchesAnyPath, matchesPattern } from '@sluice/pipeline-spec';
import type { DefinitionFile } from './definition-file.ts';

export interface Change {
  readonly branch: string;
  readonly defaultBranch: string;
  /** Paths that differ, or null when everything may have changed. */
  readonly paths: readonly string[] | null;
}

/** `why` ends the sentence "not affected: ...". */
export type Concern =
  | { readonly concerned: true }
  /** `byPaths`: the branch would have started a run, and only what changed kept it from that. */
  | { readonly concerned: false; readonly why: string; readonly byPaths: boolean };

const CONCERNED: Concern = { concerned: true };

/** Whether the changed paths matter at all to a service with this file: to whether it runs, or to its conditions. */
export function needsPaths({ definition }: DefinitionFile): boolean {
  if (definition === null) return true;
  return definition.on.push !== null && (definition.on.paths.length > 0 || changedPatterns(definition).length > 0);
}

/** Whether a push starts a run of a service. Pure. */
export function concerns(service: { readonly path: string }, file: DefinitionFile, change: Change): Concern {
  const { definition } = file;
  if (!definition) return concernsWithoutDefinition(service, file, change);
  const { push, paths } = definition.on;
  if (push === null) return no(`${file.path} starts no run on pushes (on.push)`);
  if (!push.branches.some((pattern) => matchesPattern(pattern, change.branch))) {
    return no(`branch ${change.branch} matches none of ${list(push.branches)} (on.push.branches)`);
  }
  if (paths.length === 0 || change.paths === null || matchesAnyPath(paths, change.paths)) return CONCERNED;
  return no(`no changed path matches ${list(paths)} (on.paths)`, true);
}

/**
 * Nothing says what a broken or missing file would have wanted. Its author must hear of it, and a branch that never had
 * to do with this service must not: so it counts where the file or, on the default branch, the service's folder changed.
 */
function concernsWithoutDefinition(service: { readonly path: string }, file: DefinitionFile, change: Change): Concern {
  const onDefault = change.branch === change.defaultBranch;
  if (change.paths === null)
    return onDefault ? CONCERNED : no(`there is no usable ${file.path} on branch ${change.branch}`);
  if (change.paths.includes(file.path)) return CONCERNED;
  const folder = service.path.replace(/^(\.\/)+|\/+$/g, '');
  const touched = folder === '.' || folder === '' || change.paths.some((path) => path.startsWith(`${folder}/`));
  if (onDefault && touched) return CONCERNED;
  return no(`there is no usable ${file.path}, and nothing of the service changed on the default branch`);
}

function no(why: string, byPaths = false): Concern {
  return { concerned: false, why, byPaths };
}

function list(patterns: readonly string[]): string {
  const shown = patterns.slice(0, 5).join(', ');
  return patterns.length > 5 ? `${shown} and ${patterns.length - 5} more` : shown;
}
