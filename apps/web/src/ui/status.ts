import {
  ChevronsRight,
  Circle,
  CircleCheck,
  CircleDashed,
  CircleDot,
  CircleMinus,
  CircleX,
  Hand,
  Hourglass,
  CircleSlash,
  TriangleAlert,
  Undo2,
  Unplug,
  type LucideIcon,
} from 'lucide-react';
import type { DeploymentDetail, JobDetail, AttemptDetail } from '../api/shapes.ts';

export type Tone = 'passed' | 'failed' | 'running' | 'gate' | 'warning' | 'waiting' | 'none';
export type AnyStatus = JobDetail['status'] | AttemptDetail['status'] | DeploymentDetail['status'] | 'gate';

export interface StatusLook {
  tone: Tone;
  icon: LucideIcon;
  word: string;
}

/** The one source of truth from a status to its shape, its word and its colour. */
const looks: Record<AnyStatus, StatusLook> = {
  queued: { tone: 'none', icon: Circle, word: 'Queued' },
  waiting: { tone: 'waiting', icon: Hourglass, word: 'Waiting' },
  running: { tone: 'running', icon: CircleDot, word: 'Running' },
  gate: { tone: 'gate', icon: Hand, word: 'Needs approval' },
  passed: { tone: 'passed', icon: CircleCheck, word: 'Passed' },
  failed: { tone: 'failed', icon: CircleX, word: 'Failed' },
  errored: { tone: 'failed', icon: TriangleAlert, word: 'Errored' },
  lost: { tone: 'failed', icon: Unplug, word: 'Lost' },
  cancelled: { tone: 'waiting', icon: CircleSlash, word: 'Cancelled' },
  skipped: { tone: 'waiting', icon: CircleMinus, word: 'Skipped' },
  superseded: { tone: 'waiting', icon: ChevronsRight, word: 'Superseded' },
  unknown: { tone: 'warning', icon: CircleDashed, word: 'Unknown' },
  'rolled-back': { tone: 'warning', icon: Undo2, word: 'Rolled back' },
};

/** A server newer than this page may send a status that it doesn't know: it is shown by its name. */
export function statusLook(status: AnyStatus): StatusLook {
  return looks[status] ?? { tone: 'none', icon: CircleDashed, word: status };
}

export function isOver(status: AnyStatus): boolean {
  return !['queued', 'waiting', 'running', 'unknown', 'gate'].includes(status);
}
