import type { CourseName } from './courses.ts';

/**
 * One course of events, and the places where a server is killed on its way. All of them are armed at once: the first one
 * that is passed ends the process, and whoever comes back has the rest armed. A name that stands here twice is armed again
 * after its first kill.
 */
export interface Chain {
  readonly name: string;
  readonly course: CourseName;
  readonly failpoints: readonly string[];
  /** `SLUICE_LEASE_SECONDS` of its servers; claims on deployments last a fifth of it. Default 15, as in the whole suite. */
  readonly leaseSeconds?: number;
}

/** Killed again and again, a server is away for longer than the suite's short leases last. */
const PATIENT = 30;

export const CHAINS: readonly Chain[] = [
  {
    name: 'webhook and plan',
    course: 'release',
    leaseSeconds: PATIENT,
    failpoints: [
      'webhook:before-commit',
      'webhook:after-commit',
      'mirror:before-fetch',
      'plan:before-commit',
      'plan:after-commit',
      'outbox:before-handler',
      'outbox:after-handler',
    ],
  },
  {
    name: 'lease, log and result',
    course: 'release',
    leaseSeconds: PATIENT,
    failpoints: [
      'run:before-commit',
      'dispatch:before-commit',
      'dispatch:after-commit',
      'start-lease:before-commit',
      'append-log:before-commit',
      'append-log:after-commit',
      'result:before-commit',
      'result:after-commit',
      'result:before-commit',
      'result:after-commit',
    ],
  },
  {
    name: 'release and gate',
    course: 'release',
    failpoints: [
      'release:before-commit',
      'release:after-commit',
      'offer:after-commit',
      'lane:before-commit',
      'gate:after-commit',
      'deploy:before-end',
      'deploy:after-end',
    ],
  },
  {
    name: 'deployment, before',
    course: 'release',
    failpoints: [
      'deploy:before-intent',
      'deploy:before-intention',
      'docker:before-create',
      'docker:before-stop-old',
      'docker:before-start',
      'docker:before-remove-old',
    ],
  },
  {
    name: 'deployment, after',
    course: 'release',
    failpoints: [
      'deploy:after-claim',
      'deploy:after-intent',
      'deploy:after-intention',
      'docker:after-create',
      'docker:after-stop-old',
      'docker:after-start',
      'docker:after-remove-old',
      'deploy:after-result',
    ],
  },
  {
    name: 'engine without the image and the network',
    course: 'release to a bare engine',
    failpoints: [
      'docker:before-pull',
      'docker:after-pull',
      'docker:before-ensure-network',
      'docker:after-ensure-network',
    ],
  },
  {
    name: 'engine that does not answer',
    course: 'release to a silent engine',
    failpoints: ['deploy:before-unknown', 'deploy:after-unknown'],
  },
  {
    name: 'release that is not healthy',
    course: 'unhealthy release',
    failpoints: [
      'docker:before-remove-new',
      'docker:after-remove-new',
      'docker:before-start-old',
      'docker:after-start-old',
      'deploy:before-end',
    ],
  },
  {
    name: 'log of more than one segment',
    course: 'long log',
    leaseSeconds: PATIENT,
    failpoints: ['store-segment:after-put', 'store-segment:before-commit', 'store-segment:after-put'],
  },
  {
    name: 'logs and runs that grow old',
    course: 'retention',
    leaseSeconds: PATIENT,
    failpoints: [
      'remove-logs:before-commit',
      'remove-logs:after-commit',
      'remove-orphan:after-remove',
      'remove-runs:before-commit',
      'remove-runs:after-commit',
    ],
  },
  {
    name: 'runner that dies',
    course: 'dying runner',
    failpoints: ['return-lease:before-commit', 'expire-lease:before-commit', 'expire-lease:before-commit'],
  },
  {
    name: 'kept container and shell',
    course: 'kept container',
    leaseSeconds: PATIENT,
    failpoints: [
      'keep:before-commit',
      'keep:after-commit',
      'open-shell:before-commit',
      'open-shell:after-commit',
      'take-orders:before-answer',
      'take-orders:after-confirm',
      'order-shell:before-commit',
      'order-shell:after-commit',
      'shell-output:before-commit',
      'shell-output:after-commit',
      'shell-output:before-commit',
      'shell-output:after-commit',
      'close-shell:before-commit',
      'close-shell:after-commit',
      'end-kept:before-commit',
      'end-kept:after-commit',
      'keep-ended:before-commit',
      'keep-ended:after-commit',
      'end-overdue:before-commit',
      'end-overdue:after-commit',
    ],
  },
  {
    name: 'settings and secrets',
    course: 'settings',
    failpoints: [
      'put-environment:before-commit',
      'put-environment:after-commit',
      'put-secret:before-commit',
      'put-secret:after-commit',
    ],
  },
];

/** Of a new installation: see first-boot.ts. */
export const FIRST_BOOT: readonly string[] = [
  'migrate:before',
  'migrate:before-commit',
  'migrate:after',
  'create-first-admin:before-commit',
];
