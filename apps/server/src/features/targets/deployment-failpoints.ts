import { failpointsOf, type FailpointName } from '../../platform/failpoints/failpoint-names.ts';
import type { DockerActionName } from './docker/docker-world.ts';

type OfDocker = `docker:${'before' | 'after'}-${DockerActionName}`;
type Listed = Extract<FailpointName, `docker:${string}`>;

/** Does not compile when the catalogue lacks an action of the target, or lists one that the target does not know. */
const AROUND_ACTIONS: [OfDocker, Listed] extends [Listed, OfDocker] ? readonly Listed[] : never =
  failpointsOf('docker:');

/** The failpoint around one action of a target. */
export function actionFailpoint(kind: string, when: 'before' | 'after', action: string): FailpointName {
  // A target of a test has actions that nobody can arm; those of real ones are compared above.
  return `${kind}:${when}-${action}` as FailpointName;
}

/**
 * Every place where a test may end the process while a deployment is driven. Those of `remove-new` and `start-old` are
 * passed only when a release is not healthy, those of `unknown` only when the engine is silent.
 */
export const DEPLOYMENT_FAILPOINTS: readonly FailpointName[] = [...failpointsOf('deploy:'), ...AROUND_ACTIONS];
