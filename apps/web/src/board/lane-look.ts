import type { LaneSummary } from '../api/shapes.ts';
import type { Tone } from '../ui/status.ts';
import type { AnyStatus } from '../ui/status.ts';

export interface LaneLook {
  /** Null while nothing was ever released there. */
  number: number | null;
  since: string | null;
  tone: Tone;
  icon: AnyStatus | 'behind' | 'none';
  /** Words after the number; empty when the lane is in step. */
  words: string;
  /** Where a click leads to: the gate, the open deployment, or what is live. */
  deploymentId: string | null;
  asksApproval: boolean;
}

/** What one environment cell says: the open deployment first, else whether what is live is the newest. */
export function laneLook(lane: LaneSummary, newestLive: number): LaneLook {
  const { live, current } = lane;
  const base = {
    number: live?.runNumber ?? null,
    since: live?.since ?? null,
    deploymentId: live?.deploymentId ?? null,
    asksApproval: false,
  };
  if (current !== null) {
    const open = { ...base, deploymentId: current.deploymentId };
    switch (current.status) {
      case 'running':
        return {
          ...open,
          number: current.runNumber,
          since: current.since,
          tone: 'running',
          icon: 'running',
          words: 'rolling out',
        };
      case 'unknown':
        return {
          ...open,
          number: current.runNumber,
          since: current.since,
          tone: 'warning',
          icon: 'unknown',
          words: 'no answer',
        };
      case 'rolled-back':
        return { ...open, tone: 'warning', icon: 'rolled-back', words: 'rolled back' };
      case 'failed':
      case 'errored':
        return { ...open, tone: 'failed', icon: current.status, words: `#${current.runNumber} ${current.status}` };
      case 'waiting':
        if (isGate(lane)) {
          const words = current.needed > 1 ? `${current.approvals} of ${current.needed}` : 'asks approval';
          return { ...open, tone: 'gate', icon: 'gate', words, asksApproval: true };
        }
        return { ...open, tone: 'waiting', icon: 'waiting', words: `#${current.runNumber} waits` };
      case 'passed':
      case 'cancelled':
      case 'superseded':
        break;
    }
  }
  if (live === null) return { ...base, tone: 'none', icon: 'none', words: 'nothing yet' };
  const behind = live.runNumber < newestLive;
  return { ...base, tone: 'none', icon: behind ? 'behind' : 'passed', words: behind ? 'behind' : '' };
}

export function isGate(lane: LaneSummary): boolean {
  return lane.current?.status === 'waiting' && lane.current.needed > lane.current.approvals;
}

/** The newest run that is live anywhere: lanes with an older one are behind. */
export function newestLive(lanes: readonly LaneSummary[]): number {
  return Math.max(0, ...lanes.map((lane) => lane.live?.runNumber ?? 0));
}
