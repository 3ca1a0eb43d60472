export { checkRepositoryUrl, fullRefName, plainHttpOrigins, type RepositoryAddress } from './check-repository-url.ts';
export { endGitIn } from './end-processes.ts';
export {
  git,
  gitEnvironment,
  gitStream,
  GitStreamCut,
  type GitAccess,
  type GitCall,
  type GitOutcome,
} from './git-command.ts';
export { KeyedLock } from './keyed-lock.ts';
export * from './git-object-reader.ts';
