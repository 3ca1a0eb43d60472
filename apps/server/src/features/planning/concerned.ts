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
export function needsPaths({ definition }: DefinitionFile, trigger: 'push' | 'pullRequest' = 'push'): boolean {
  if (definition === null) return true;
  return definition.on[trigger] !== null && (definition.on.paths.length > 0 || changedPatterns(definition).length > 0);
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

/** Whether a tag starts a run of a service. A tag names a whole state, not a change: paths are not asked. */
export function concernsTag({ definition, path }: DefinitionFile, tag: string): Concern {
  if (!definition) return no(`there is no usable ${path} at this tag`);
  const { tag: trigger } = definition.on;
  if (!trigger) return no(`${path} starts no run on tags (on.tag)`);
  if (trigger.patterns.some((pattern) => matchesPattern(pattern, tag))) return CONCERNED;
  return no(`tag ${tag} matches none of ${list(trigger.patterns)} (on.tag.patterns)`);
}

export interface PullRequestChange {
  /** Short names of the branch that it comes from and of the one that it is for. */
  readonly source: string;
  readonly target: string;
  readonly outside: boolean;
  readonly paths: readonly string[] | null;
}

/**
 * Whether a pull request starts a run of a service. What comes from outside is judged by the file of the branch that it is
 * for: whether strangers are run at all is not theirs to say (A16). Where the file at the head is broken, its author must
 * hear of it, so the other one decides there too.
 */
export function concernsPullRequest(
  files: { readonly head: DefinitionFile; readonly target: DefinitionFile },
  change: PullRequestChange,
): Concern {
  const file = change.outside || !files.head.definition ? files.target : files.head;
  if (!file.definition) return no(`there is no usable ${file.path} on branch ${change.target}`);
  const { pullRequest, push, paths } = file.definition.on;
  if (!pullRequest) return no(`${file.path} starts no run on pull requests (on.pull_request)`);
  if (!pullRequest.branches.some((pattern) => matchesPattern(pattern, change.target)))
    return no(`branch ${change.target} matches none of ${list(pullRequest.branches)} (on.pull_request.branches)`);
  // One commit, one run (F52): told twice, it would be built twice.
  if (!change.outside && push?.branches.some((pattern) => matchesPattern(pattern, change.source)))
    return no(`the push of branch ${change.source} starts its run (on.push.branches)`);
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
