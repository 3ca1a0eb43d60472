import type { LaneSummary, RunSummary, StageCellData } from '../api/shapes.ts';
import type { AnyStatus, Tone } from '../ui/status.ts';
import { duration, elapsed } from '../ui/wording.ts';
import { isGate } from './lane-look.ts';
import { isPresent } from '../ui/is-present.ts';

export interface StageLook {
  status: AnyStatus;
  tone: Tone;
  /** What stands in the cell; empty for a stage that has nothing to say yet. */
  words: string;
  /** `tint` draws the eye, `hatch` waits, `fill` runs, `plain` is quiet. */
  surface: 'plain' | 'tint' | 'hatch' | 'fill';
  /** 0 to 1 of the usual duration; null when none is known. */
  fill: number | null;
  /** The cell as a sentence, for people who hear it. */
  sentence: string;
}

const stageWords = { commit: 'Commit', build: 'Build', test: 'Test', release: 'Release' } as const;

export function stageWord(stage: StageCellData['stage']): string {
  return stageWords[stage];
}

/** The lane of this run that waits for people, if there is one. */
export function gateOf(run: RunSummary, lanes: readonly LaneSummary[]): LaneSummary | undefined {
  return lanes.find((lane) => lane.current?.runNumber === run.number && isGate(lane));
}

export function stageLook(
  cell: StageCellData,
  now: number,
  usualMs: number | undefined,
  gate?: LaneSummary,
  mayDecide = false,
): StageLook {
  const name = stageWord(cell.stage);
  const started = cell.startedAt === null ? null : Date.parse(cell.startedAt);
  const took = started === null || cell.finishedAt === null ? null : Date.parse(cell.finishedAt) - started;
  const say = (rest: string): string => `${name}, ${rest}`;
  const current = gate?.current;
  if (cell.stage === 'release' && isPresent(current) && cell.status !== 'running') {
    const words = current.needed > 1 ? `${current.approvals} of ${current.needed}` : 'Approve';
    const sentence = say(
      `${words}: ${current.approvals} of ${current.needed} approvals for ${gate?.environment}${mayDecide ? ', you can decide' : ''}`,
    );
    return { status: 'gate', tone: 'gate', words, surface: mayDecide ? 'tint' : 'plain', fill: null, sentence };
  }
  switch (cell.status) {
    case 'running': {
      const ran = started === null ? 0 : now - started;
      const share = usualMs === undefined || usualMs <= 0 ? null : Math.min(1, ran / usualMs);
      const usual = share === null ? '' : `, ${shareWords(share)}`;
      return {
        status: 'running',
        tone: 'running',
        words: cell.label ?? elapsed(ran),
        surface: 'fill',
        fill: share,
        sentence: say(`running, ${elapsed(ran)}${usual}`),
      };
    }
    case 'passed': {
      if (cell.label === 'Rolled back')
        return {
          status: 'rolled-back',
          tone: 'warning',
          words: cell.label,
          surface: 'tint',
          fill: null,
          sentence: say('rolled back'),
        };
      const words = cell.label ?? (took === null ? 'Passed' : duration(took));
      return {
        status: 'passed',
        tone: 'passed',
        words,
        surface: 'plain',
        fill: null,
        sentence: say(`passed, ${words}`),
      };
    }
    case 'failed':
    case 'errored': {
      const words = cell.label ?? (cell.status === 'failed' ? 'Failed' : 'Errored');
      return {
        status: cell.status,
        tone: 'failed',
        words,
        surface: 'tint',
        fill: null,
        sentence: say(`${cell.status}, ${words}`),
      };
    }
    case 'waiting': {
      const words = cell.label ?? 'Waiting';
      return {
        status: 'waiting',
        tone: 'waiting',
        words,
        surface: 'hatch',
        fill: null,
        sentence: say(`waiting: ${words}`),
      };
    }
    case 'queued':
      return cell.label === null
        ? { status: 'queued', tone: 'none', words: '', surface: 'plain', fill: null, sentence: say('not started') }
        : {
            status: 'waiting',
            tone: 'waiting',
            words: cell.label,
            surface: 'hatch',
            fill: null,
            sentence: say(`not started: ${cell.label}`),
          };
    case 'cancelled':
    case 'skipped':
    case 'superseded':
      return {
        status: cell.status,
        tone: 'waiting',
        words: cell.label ?? '',
        surface: 'plain',
        fill: null,
        sentence: say(cell.status),
      };
  }
}

function shareWords(share: number): string {
  if (share >= 1) return 'longer than usual';
  if (share < 0.2) return 'just begun';
  if (share < 0.42) return 'about a third of usual';
  if (share < 0.58) return 'about half of usual';
  if (share < 0.8) return 'about two thirds of usual';
  return 'almost as long as usual';
}
