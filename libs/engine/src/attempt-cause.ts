import { counted } from './counted.ts';
import type { QueuedAttempt, WaitingCause } from './waiting.ts';

/** In the order in which each would have to end: without a runner no limit matters, and within the limits the pool decides. */
export function attemptCause(attempt: QueuedAttempt): WaitingCause {
  return {
    ...(poolCause(attempt) ?? groupCause(attempt) ?? limitCause(attempt) ?? turnCause(attempt)),
    since: attempt.readyAt,
  };
}

type Cause = Omit<WaitingCause, 'since'>;

/** Runs or runners: more would fill the screen. */
const SHOWN = 3;

function poolCause({ requirement: { trust, labels }, pool, host }: QueuedAttempt): Cause | undefined {
  const kind = `${trust} runs${labels.length > 0 ? ` with the labels ${labels.join(', ')}` : ''}`;
  if (!pool) {
    return {
      code: 'no-pool',
      message: `No pool takes ${kind}.`,
      endedBy: `A pool of this team, or a shared one, for ${kind}.`,
    };
  }
  if (pool.runnersOnline > 0) return undefined;
  const { unfit = [] } = pool;
  if (unfit.length > 0) {
    const why = unfit.map(({ name, trouble }) => `${name}: ${trouble ?? 'It ends after its present jobs.'}`);
    return {
      code: 'no-runner',
      message: `No runner of the pool ${pool.name} takes work. ${why.slice(0, SHOWN).join(' ')}`,
      endedBy: `The end of that trouble, or another runner of the pool ${pool.name}.`,
    };
  }
  if (host && (pool.withoutHost ?? 0) > 0) {
    return {
      code: 'no-host-runner',
      message: `The job runs without a container (\`host: true\`), and no connected runner of the pool ${pool.name} offers that.`,
      endedBy: `A runner of the pool ${pool.name} that is started with SLUICE_RUNNER_HOST_EXECUTOR=true.`,
    };
  }
  return {
    code: 'no-runner',
    message: `No runner of the pool ${pool.name} is connected.`,
    endedBy: `A runner of the pool ${pool.name} that connects.`,
  };
}

function groupCause({ group }: QueuedAttempt): Cause | undefined {
  if (!group) return undefined;
  const { name, max, holders, before } = group;
  const whose = name === undefined ? 'this service' : `the group ${name}`;
  const uses = holders.length > 0 ? `; ${listed(holders)} ${holders.length === 1 ? 'does' : 'do'} now` : '';
  const queue = before.length > 0 ? `; ${listed(before)} ${before.length === 1 ? 'is' : 'are'} before it` : '';
  return {
    code: 'group',
    message: `${counted(max, 'run')} of ${whose} may use runners at once${uses}${queue}.`,
    endedBy: `The end of the jobs of ${listed([...holders, ...before])}.`,
  };
}

function limitCause({ limits = [] }: QueuedAttempt): Cause | undefined {
  const [limit] = limits;
  if (!limit) return undefined;
  const what = `the ${limit.of} ${limit.name}`;
  return {
    code: `${limit.of}-limit`,
    message: `${counted(limit.max, 'job')} of ${what} may run at once, and so many do.`,
    endedBy: `The end of a job of ${what}, or a higher limit.`,
  };
}

function turnCause({ pool, share }: QueuedAttempt): Cause {
  const { name, runnersOnline = 0, freeSlots = 0, ahead = 0 } = pool ?? {};
  if (freeSlots > 0) {
    return {
      code: 'starting',
      message: `The pool ${name} has ${counted(freeSlots, 'free slot')}.`,
      endedBy: 'The answer to the next runner that asks, within seconds.',
    };
  }
  if (share?.fewest !== undefined && share.fewest < share.own) {
    return {
      code: 'fair-share',
      message: `The team has ${counted(share.own, 'job')} running, and another team that waits for the pool ${name} has ${share.fewest}.`,
      endedBy: `A runner of the pool ${name} that becomes free when it is this team's turn.`,
    };
  }
  const turn = ahead === 0 ? 'this is next' : `${counted(ahead, 'job')} ${ahead === 1 ? 'is' : 'are'} ahead`;
  const whose = share?.fewest === undefined ? '' : ' of its team, which takes turns with others';
  return {
    code: 'runner-busy',
    message: `${counted(runnersOnline, 'runner')} of the pool ${name} ${runnersOnline === 1 ? 'is' : 'are'} busy; ${turn}${whose}.`,
    endedBy: `A runner of the pool ${name} that becomes free, or another one.`,
  };
}

function listed(names: readonly string[]): string {
  const more = names.length - SHOWN;
  return more > 0 ? `${names.slice(0, SHOWN).join(', ')} and ${more} more` : names.join(', ');
}
