import type { DecideContext, Decision, Reason } from './run.ts';
import type { DeploymentStatus } from './statuses.ts';
import { LANE_VERSION } from './lane.ts';
import type { LaneDeployment, LaneEffect, LaneEvent, LaneState } from './lane.ts';
import { evolveLane } from './evolve-lane.ts';

type Body<E> = E extends unknown ? Omit<E, 'v' | 'at'> : never;
type LaneEventBody = Body<LaneEvent>;

export type LaneDecision = Decision<LaneEvent, LaneEffect>;

/** A lane's decision in the making; events are applied as they are emitted. */
export interface LaneDraft {
  readonly state: LaneState;
  emit(body: LaneEventBody): void;
  effect(effect: LaneEffect): void;
  /** The run hears of each deployment once per decision, in its last status: words of one version cannot be put in order. */
  tellRun(deployment: LaneDeployment, status: DeploymentStatus, reason?: Reason): void;
  end(deployment: LaneDeployment, status: DeploymentStatus, reason?: Reason): void;
  accepted(): LaneDecision;
}

export function draftLane(from: LaneState, { now }: DecideContext): LaneDraft {
  const events: LaneEvent[] = [];
  const effects: LaneEffect[] = [];
  const words = new Map<string, LaneEffect>();
  let state = from;
  const draft: LaneDraft = {
    get state() {
      return state;
    },
    emit(body) {
      const event = { ...body, v: LANE_VERSION, at: now } as LaneEvent;
      state = evolveLane(state, event);
      events.push(event);
    },
    effect(effect) {
      effects.push(effect);
    },
    tellRun({ id, release }, status, reason) {
      words.set(id, {
        type: 'tell-run',
        runId: release.runId,
        environment: from.environment,
        deploymentId: id,
        status,
        ...(reason && { reason }),
      });
    },
    end(deployment, status, reason) {
      draft.emit({ type: 'deployment-ended', deploymentId: deployment.id, status, ...(reason && { reason }) });
      draft.tellRun(deployment, status, reason);
    },
    accepted: () => ({ kind: 'accepted', events, effects: [...words.values(), ...effects] }),
  };
  return draft;
}
