export { connectApi, connectWithToken, openSession, type Api, type Session } from './api.ts';
export {
  addPerson,
  apiOf,
  setUpInstallation,
  type Installation,
  type Person,
  type PersonSpec,
} from './installation.ts';
export { removeRunnerLeftovers } from './runner-leftovers.ts';
export { buildRunnerImage } from './runner-image.ts';
export { OWNER_LABEL, RunnerProcess, type RunnerProcessOptions } from './runner-process.ts';
export { ServerProcess, type ServerProcessOptions } from './server-process.ts';
export { WorkTree, type CommitAuthor } from './work-tree.ts';
