import type { CarriedWork, RunEvent } from '@sluice/engine';

/** One sentence per state change, for the Events tab. */
export function describeEvent(event: RunEvent): string {
  switch (event.type) {
    case 'run-created':
      return `Run ${event.identity.number} was made for ${event.identity.commit.slice(0, 7)} on ${event.identity.ref} (${event.identity.trigger.kind} by ${event.identity.trigger.by.name})${carriedOver(event.carried)}.${event.held ? ` ${event.held.message}` : ''}`;
    case 'stage-overdue':
      return `Stage ${event.stage} has run out of time: what runs is stopped, nothing else begins.`;
    case 'retry-scheduled':
      return `Attempt ${event.number} of ${event.jobKey} follows at ${event.readyAt}: ${event.reason.message}`;
    case 'run-admitted':
      return `${event.by.name} has looked at the commit and lets it run.`;
    case 'run-started':
      return 'The run started.';
    case 'stage-started':
      return `Stage ${event.stage} started.`;
    case 'stage-ended':
      return sentence(`Stage ${event.stage} ${event.status}`, (event.reason ?? event.warning)?.message);
    case 'attempt-queued':
      return `Attempt ${event.number} of ${event.jobKey} is ready for a runner.`;
    case 'attempt-started':
      return `${event.runner} started ${event.jobKey}.`;
    case 'attempt-ended':
      return sentence(`An attempt of ${event.jobKey} ended: ${event.status}`, event.reason?.message);
    case 'job-ended':
      return sentence(
        `Job ${event.jobKey} ${event.status}${event.allowed ? ', which is allowed' : ''}`,
        event.reason?.message,
      );
    case 'jobs-generated':
      return event.jobs.length === 0
        ? `${event.jobKey} generated no jobs.`
        : `${event.jobKey} generated ${event.jobs.map(({ key }) => key).join(', ')}.`;
    case 'image-recorded':
      return `The image ${event.image.repository}@${event.image.digest} was pushed.`;
    case 'cancel-requested':
      return sentence(`${event.by.name} asked to cancel`, event.reason);
    case 'release-made':
      return 'The release was made.';
    case 'lane-changed':
      return sentence(`${event.environment}: ${event.status.replace('-', ' ')}`, event.reason?.message);
    case 'run-ended':
      return sentence(`The run ${event.status}`, event.reason?.message);
  }
}

function carriedOver(carried: CarriedWork | undefined): string {
  const count = Object.keys(carried?.jobs ?? {}).length;
  return count === 0 ? '' : `; ${count} ${count === 1 ? 'job is' : 'jobs are'} taken over from the run before`;
}

function sentence(head: string, tail: string | undefined): string {
  return tail === undefined ? `${head}.` : `${head}: ${tail}`;
}
