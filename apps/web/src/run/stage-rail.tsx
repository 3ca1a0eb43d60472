import { useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useNow } from '../api/server-clock.ts';
import type { RunDetail, StageName } from '../api/shapes.ts';
import { stageLook, stageWord, type StageLook } from '../board/stage-look.ts';
import { useUsualDurations } from '../board/usual-durations.ts';
import { StatusIcon } from '../ui/status-icon.tsx';
import { isOver } from '../ui/status.ts';
import { edgesOf, layOutStage, type GraphNode, type GraphStage } from './job-graph-layout.ts';
import { JobNode, LaneNode } from './job-node.tsx';

const stageOrder = ['commit', 'build', 'test', 'release'] as const;
const NODE = { width: 128, height: 26, gapX: 44, gapY: 9, padX: 24, padY: 20 };
const MOST_DRAWN = 40;

/** The rail of four stages with the jobs under it: one picture, columns by need. */
export function StageRail({
  run,
  selected,
  onSelect,
}: {
  run: RunDetail;
  selected: string | undefined;
  onSelect: (job: string) => void;
}) {
  const stages = useMemo(() => stageOrder.map((stage) => layOutStage(stage, run.jobs)), [run.jobs]);
  const weights = stages.map((stage) => (stage.stage === 'release' ? Math.max(1, run.lanes.length) : stage.levels));
  const drawn = run.jobs.length <= MOST_DRAWN;
  const minimum = weights.reduce((sum, columns) => sum + columns * (NODE.width + 12), 0) + NODE.padX;
  return (
    <div className="card overflow-x-auto max-md:overflow-visible max-md:border-0 max-md:bg-transparent max-md:shadow-none">
      <div className="max-md:contents" style={{ minWidth: minimum }}>
        <Rail run={run} columns={weights.map((weight) => `${weight + 0.45}fr`).join(' ')} onSelect={onSelect} />
        {drawn ? (
          <Graph run={run} stages={stages} weights={weights} selected={selected} onSelect={onSelect} />
        ) : (
          <Outline run={run} stages={stages} selected={selected} onSelect={onSelect} />
        )}
      </div>
    </div>
  );
}

const gateLook: StageLook = {
  status: 'gate',
  tone: 'gate',
  words: 'Approval',
  surface: 'tint',
  fill: null,
  sentence: 'Release, waits for approval',
};

function Rail({ run, columns, onSelect }: { run: RunDetail; columns: string; onSelect: (job: string) => void }) {
  const now = useNow(!isOver(run.status));
  const usual = useUsualDurations(
    run.service,
    run.stages.some(({ status }) => status === 'running'),
  );
  const firstJob = (stage: StageName): string | undefined => run.jobs.find((job) => job.stage === stage)?.key;
  return (
    <div className="rail" style={{ '--rail-columns': columns } as React.CSSProperties}>
      {stageOrder.map((stage, index) => {
        const cell = run.stages.find((each) => each.stage === stage) ?? {
          stage,
          status: 'queued' as const,
          startedAt: null,
          finishedAt: null,
          label: null,
        };
        const look =
          stage === 'release' && run.waiting?.code === 'approval' ? gateLook : stageLook(cell, now, usual[stage]);
        const job = firstJob(stage);
        return (
          <button
            key={stage}
            type="button"
            disabled={job === undefined}
            onClick={() => job !== undefined && onSelect(job)}
            className={`rail-cell tone-${look.tone} rail-${look.surface}`}
            style={{ '--fill': look.fill ?? 0 } as React.CSSProperties}
            title={`${look.sentence} (${index + 1})`}
          >
            <StatusIcon status={look.status} size={15} />
            <span className="font-semibold">{stageWord(stage)}</span>
            <span className="sr-only">{look.sentence.slice(stageWord(stage).length)}</span>
            <span aria-hidden="true" className="ml-auto text-text-2 tnum rail-words">
              {look.words === '' && cell.status === 'queued' ? afterWhat(run, index) : look.words}
            </span>
          </button>
        );
      })}
    </div>
  );
}

/** The stage before that has anything to do. */
function afterWhat(run: RunDetail, index: number): string {
  const before = stageOrder
    .slice(0, index)
    .findLast((stage) => run.stages.find((cell) => cell.stage === stage)?.status !== 'skipped');
  return before === undefined ? '' : `after ${before}`;
}

function Graph(props: {
  run: RunDetail;
  stages: GraphStage[];
  weights: number[];
  selected: string | undefined;
  onSelect: (job: string) => void;
}) {
  const { run, stages, weights } = props;
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(1090);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    setWidth(element.clientWidth);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const sum = weights.reduce((all, weight) => all + weight + 0.45, 0);
  const share = (weight: number): number => ((weight + 0.45) / sum) * width;
  const stageLeft = weights.map((weight, index) => ({
    at: weights.slice(0, index).reduce((left, before) => left + share(before), 0),
    column: share(weight) / (weight + 0.12),
  }));
  const rows = Math.max(1, ...stages.flatMap(({ nodes }) => nodes.map(({ row }) => row + 1)));
  const height = NODE.padY * 2 + rows * NODE.height + (rows - 1) * NODE.gapY;
  const place = (stage: number, level: number, row: number, inColumn: number): { x: number; y: number; w: number } => {
    const { at, column } = stageLeft[stage] ?? { at: 0, column: 170 };
    const offset = ((rows - inColumn) * (NODE.height + NODE.gapY)) / 2;
    return {
      x: at + NODE.padX + level * column,
      y: NODE.padY + offset + row * (NODE.height + NODE.gapY),
      w: Math.min(NODE.width + 20, column - NODE.gapX / 2),
    };
  };
  const at = new Map<GraphNode, { x: number; y: number; w: number }>();
  stages.forEach((stage, index) => {
    for (const node of stage.nodes)
      at.set(node, place(index, node.level, node.row, stage.nodes.filter(({ level }) => level === node.level).length));
  });
  const lanePlaces = run.lanes.map((_, index) => place(3, index, 0, 1));
  const edges = edgesOf(stages).map(({ from, to }) => ({
    from: at.get(from),
    to: at.get(to),
    done: from.job.status === 'passed',
    key: `${from.job.key} ${to.job.key}`,
  }));
  const before =
    stages[2]?.nodes.filter((node) => !stages[2]?.nodes.some(({ job }) => job.needs.includes(node.job.key))) ?? [];
  for (const node of before)
    edges.push({
      from: at.get(node),
      to: lanePlaces[0],
      done: node.job.status === 'passed',
      key: `${node.job.key} release`,
    });
  lanePlaces
    .slice(1)
    .forEach((to, index) =>
      edges.push({ from: lanePlaces[index], to, done: run.lanes[index]?.status === 'passed', key: `lane ${index}` }),
    );
  return (
    <div ref={box} className="graph" style={{ '--graph-height': `${height}px` } as React.CSSProperties}>
      <svg className="graph-edges" width={width} height={height} aria-hidden="true">
        {edges.map(
          ({ from, to, done, key }) =>
            from !== undefined &&
            to !== undefined && <path key={key} d={curve(from, to)} className={done ? 'edge' : 'edge edge-open'} />,
        )}
      </svg>
      <ul aria-label="Jobs" className="contents">
        {stages.flatMap(({ nodes }) =>
          nodes.map((node) => (
            <JobNode
              key={node.job.key}
              job={node.job}
              selected={props.selected === node.job.key}
              onSelect={props.onSelect}
              place={at.get(node) ?? { x: 0, y: 0, w: NODE.width }}
            />
          )),
        )}
        {run.lanes.map((lane, index) => (
          <LaneNode key={lane.environment} lane={lane} place={lanePlaces[index] ?? { x: 0, y: 0, w: NODE.width }} />
        ))}
      </ul>
    </div>
  );
}

function curve(from: { x: number; y: number; w: number }, to: { x: number; y: number }): string {
  const x1 = from.x + from.w;
  const y1 = from.y + NODE.height / 2;
  const y2 = to.y + NODE.height / 2;
  const bend = Math.max(16, (to.x - x1) / 2);
  return `M${x1} ${y1} C${x1 + bend} ${y1} ${to.x - bend} ${y2} ${to.x} ${y2}`;
}

/** The same structure as a list, for plans too large to draw. */
function Outline({
  run,
  stages,
  selected,
  onSelect,
}: {
  run: RunDetail;
  stages: GraphStage[];
  selected: string | undefined;
  onSelect: (job: string) => void;
}) {
  return (
    <div className="grid max-h-64 grid-cols-4 gap-4 overflow-auto bg-sunken p-4">
      {stages.map(({ stage, nodes }) => (
        <ul key={stage} className="flex flex-col gap-1.5" aria-label={stage}>
          {nodes.map(({ job }) => (
            <JobNode key={job.key} job={job} selected={selected === job.key} onSelect={onSelect} />
          ))}
          {stage === 'release' && run.lanes.map((lane) => <LaneNode key={lane.environment} lane={lane} />)}
        </ul>
      ))}
    </div>
  );
}
