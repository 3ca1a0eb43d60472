import { setTimeout as pause } from 'node:timers/promises';
import { connectWithToken, type Api } from '@sluice/testing';
import type { World } from '../world/world.ts';
import type { Acknowledged } from './history.ts';
import type { Random } from './random.ts';
import { within } from './within.ts';

const ANSWER_MS = 15_000;
const ENDED = ['passed', 'failed', 'errored', 'cancelled', 'superseded'];

export type RunSummary = Awaited<ReturnType<Api['runs']['listRuns']>>['items'][number];

/** The people of the team in front of an installation that often does not answer. Only what was answered is recorded. */
export class People {
  readonly #world: World;
  readonly #record: (call: Acknowledged) => void;

  constructor(world: World, record: (call: Acknowledged) => void) {
    this.#world = world;
    this.#record = record;
  }

  async findRun(service: string, commit: string, random: Random): Promise<RunSummary | undefined> {
    const { items } = await within(ANSWER_MS, this.#api('vera', random).runs.listRuns({ service, limit: 20 }));
    return items.find((run) => run.commit === commit);
  }

  isOver(run: RunSummary): boolean {
    return ENDED.includes(run.status);
  }

  async cancel(run: RunSummary, random: Random): Promise<void> {
    await within(ANSWER_MS, this.#api('dana', random).runs.cancelRun({ runId: run.id }));
    this.#record({ kind: 'cancel', run: run.id });
  }

  async rerun(run: RunSummary, random: Random): Promise<void> {
    const scope = random.chance(50) ? { kind: 'all' as const } : { kind: 'failed' as const };
    const made = await within(ANSWER_MS, this.#api('drew', random).runs.rerun({ runId: run.id, scope }));
    this.#record({ kind: 'rerun', run: made.runId });
  }

  /** The new run, in which the containers of failed jobs are kept: not for longer than all comes to rest in. */
  async rerunKept(run: RunSummary, random: Random): Promise<string> {
    const asked = { runId: run.id, scope: { kind: 'failed' as const }, debug: { keepMinutes: random.between(1, 2) } };
    const { runId } = await within(ANSWER_MS, this.#api('drew', random).runs.rerun(asked));
    this.#record({ kind: 'rerun', run: runId });
    return runId;
  }

  /** The attempt of the run whose container is kept. */
  async findKept(runId: string, random: Random): Promise<string | undefined> {
    const { kept } = await within(ANSWER_MS, this.#api('drew', random).debug.getDebug({ runId }));
    return kept.find(({ endedAt }) => endedAt === null)?.attemptId;
  }

  async openShell(attempt: string, random: Random): Promise<string> {
    const asked = { attemptId: attempt, columns: 80, rows: 24 };
    const { shellId } = await within(ANSWER_MS, this.#api('drew', random).debug.openShell(asked));
    this.#record({ kind: 'open-shell', attempt, shell: shellId });
    return shellId;
  }

  async typeInto(shell: string, random: Random): Promise<void> {
    const { debug } = this.#api('drew', random);
    const { length } = await within(ANSWER_MS, debug.readShell({ shellId: shell, from: 0 }));
    // Reading on is what makes room for more.
    await within(ANSWER_MS, debug.readShell({ shellId: shell, from: length }));
    await within(ANSWER_MS, debug.writeShell({ shellId: shell, text: 'seq 1 1000\n' }));
  }

  async closeShell(shell: string, random: Random): Promise<void> {
    await within(ANSWER_MS, this.#api('drew', random).debug.closeShell({ shellId: shell }));
  }

  async endKept(attempt: string, random: Random): Promise<void> {
    await within(ANSWER_MS, this.#api('drew', random).debug.endKept({ attemptId: attempt }));
    this.#record({ kind: 'end-kept', attempt });
  }

  /** Looks at the gates until the time is over, opens most of them, shuts some, leaves some to be superseded. */
  async decideGates(random: Random, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await pause(random.between(500, 2_000));
      try {
        const api = this.#api('rita', random);
        const waiting = await within(ANSWER_MS, api.lanes.listApprovals({ show: 'all' }));
        for (const { deploymentId } of waiting) if (random.chance(60)) await this.#decide(api, deploymentId, random);
      } catch {
        // No answer, or one that says no: both are part of the day.
      }
    }
  }

  async #decide(api: Api, deploymentId: string, random: Random): Promise<void> {
    const { binding } = await within(ANSWER_MS, api.lanes.getApproval({ deploymentId }));
    const { userId } = this.#world.people['rita']!;
    if (random.chance(15)) {
      await within(ANSWER_MS, api.lanes.reject({ deploymentId, binding, reason: 'not today' }));
      this.#record({ kind: 'reject', deployment: deploymentId, userId });
    } else {
      await within(ANSWER_MS, api.lanes.approve({ deploymentId, binding }));
      this.#record({ kind: 'approve', deployment: deploymentId, userId });
    }
  }

  #api(person: string, random: Random): Api {
    return connectWithToken(random.pick(this.#world.servers.replicas).url, this.#world.people[person]!.token);
  }
}
