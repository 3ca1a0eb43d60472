export { DispatchModule } from './dispatch.module.ts';
export { AnswerPoll } from './answer-poll.ts';
export { BuildLease } from './build-lease.ts';
export { DispatchSettings } from './dispatch-settings.ts';
export { EndAttempt } from './end-attempt.ts';
export { JobSecrets } from './job-secrets.port.ts';
export {
  leaseOf,
  lockAttempt,
  lockAttemptOnly,
  secondsAfter,
  writeLease,
  type AttemptRow,
  type LockedAttempt,
  type LockedWithRun,
} from './attempt-lease.ts';
