/**
 * Places where the server is killed while one push goes through, in the order in which a run passes them: the next one is
 * armed when the server comes back from the one before. Each chain is one run.
 */
export const CHAINS: Readonly<Record<string, readonly string[]>> = {
  'webhook and plan': [
    'webhook:before-commit',
    'webhook:after-commit',
    'mirror:before-fetch',
    'plan:before-commit',
    'plan:after-commit',
    'outbox:before-handler',
    'outbox:after-handler',
  ],
  'lease and log': [
    'run:before-commit',
    'dispatch:before-commit',
    'dispatch:after-commit',
    'start-lease:before-commit',
    'append-log:before-commit',
    'append-log:after-commit',
    'outbox:before-handler',
  ],
  'results of all stages': [
    'result:before-commit',
    'result:after-commit',
    'dispatch:after-commit',
    'append-log:after-commit',
    'result:after-commit',
    'run:before-commit',
    'result:before-commit',
  ],
  'release and gate': [
    'release:before-commit',
    'release:after-commit',
    'offer:after-commit',
    'lane:before-commit',
    'outbox:after-handler',
    'gate:after-commit',
    'outbox:before-handler',
  ],
  'deployment, before': [
    'deploy:before-intent',
    'deploy:before-intention',
    'docker:before-create',
    'docker:before-stop-old',
    'docker:before-start',
    'docker:before-remove-old',
    'deploy:before-end',
  ],
  'deployment, after': [
    'deploy:after-claim',
    'deploy:after-intent',
    'deploy:after-intention',
    'docker:after-create',
    'docker:after-stop-old',
    'docker:after-start',
    'docker:after-remove-old',
    'deploy:after-result',
    'deploy:after-end',
  ],
};
