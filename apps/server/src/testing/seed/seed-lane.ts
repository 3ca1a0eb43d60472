import {
  decideLane,
  evolveLane,
  type LaneCommand,
  type LaneEvent,
  type LaneSettings,
  type LaneState,
  type OfferedRelease,
} from '@sluice/engine';
import { TOLD } from './run-template.ts';

/** One lane, decided by the engine command by command. */
export class SeedLane {
  readonly events: LaneEvent[] = [];
  state: LaneState;
  constructor(
    opening: { laneId: string; teamId: string; serviceId: string; environment: string },
    settings: LaneSettings,
    at: string,
  ) {
    this.state = this.#send(undefined, { type: 'open-lane', ...opening, settings }, at).state;
  }

  /** A release goes through, at once; gives what the lane tells its run, each with the lane's version. */
  release(
    deploymentId: string,
    release: OfferedRelease,
    binding: string,
    startedAt: string,
    endedAt: string,
  ): number[] {
    const requestedBy = { kind: 'forge', name: 'ann' } as const;
    const offered = this.#send(this.state, { type: 'offer', deploymentId, release, binding, requestedBy }, startedAt);
    this.state = offered.state;
    const ended = this.#send(this.state, { type: 'deployment-ended', deploymentId, outcome: 'passed' }, endedAt);
    this.state = ended.state;
    const told = [...offered.told, ...ended.told];
    if (told.length !== TOLD.length)
      throw new Error(`a lane told its run ${told.length} words, the seed knows ${TOLD.length}`);
    return told;
  }

  #send(before: LaneState | undefined, command: LaneCommand, now: string): { state: LaneState; told: number[] } {
    const decision = decideLane(before, command, {
      now,
      newId: () => {
        throw new Error('lanes need no ids of their own');
      },
    });
    if (decision.kind !== 'accepted') throw new Error(`the seed's ${command.type} was ${decision.kind}`);
    this.events.push(...decision.events);
    const state = decision.events.reduce<LaneState | undefined>(evolveLane, before)!;
    return { state, told: decision.effects.flatMap((effect) => (effect.type === 'tell-run' ? [state.version] : [])) };
  }
}
