import type { DockerActionName } from './docker/docker-world.ts';

const DOCKER_ACTIONS = {
  pull: true,
  'ensure-network': true,
  create: true,
  'stop-old': true,
  start: true,
  'remove-old': true,
  'remove-new': true,
  'start-old': true,
} as const satisfies Record<DockerActionName, true>;

/**
 * Every place where a test may end the process while a deployment is driven. Those of `remove-new` and `start-old` are
 * passed only when a release is not healthy, those of `unknown` only when the engine is silent.
 */
export const DEPLOYMENT_FAILPOINTS: readonly string[] = [
  'deploy:after-claim',
  'deploy:before-intent',
  'deploy:after-intent',
  'deploy:before-intention',
  'deploy:after-intention',
  ...Object.keys(DOCKER_ACTIONS).flatMap((action) => [`docker:before-${action}`, `docker:after-${action}`]),
  'deploy:after-result',
  'deploy:before-unknown',
  'deploy:after-unknown',
  'deploy:before-end',
  'deploy:after-end',
];
