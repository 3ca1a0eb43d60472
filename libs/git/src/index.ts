export { checkRepositoryUrl, fullRefName, plainHttpOrigins, type RepositoryAddress } from './check-repository-url.ts';
export { git, gitEnvironment, gitStream, type GitAccess, type GitCall, type GitOutcome } from './git-command.ts';
export { KeyedLock } from './keyed-lock.ts';
export * from './git-object-reader.ts';
