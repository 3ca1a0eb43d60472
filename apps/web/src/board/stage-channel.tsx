import { Link } from '@tanstack/react-router';
import { memo } from 'react';
import { useNow } from '../api/server-clock.ts';
import type { LaneSummary, RunSummary, StageCellData } from '../api/shapes.ts';
import { StatusIcon } from '../ui/status-icon.tsx';
import { gateOf, stageLook } from './stage-look.ts';
import { useUsualDurations } from './usual-durations.ts';
import { isPresent } from '../ui/is-present.ts';

/** `11m 01s`: where a cell is too narrow for both, the smaller unit goes as a whole and the larger one stays. */
const twoUnits = /^(\d+[dhm]) (\d+[hms])$/;

const order = ['commit', 'build', 'test', 'release'] as const;

/** Commit, build, test and release as one shape: the same on the board, the service page and the phone. */
export const StageChannel = memo(function StageChannel(props: {
  run: RunSummary;
  lanes?: readonly LaneSummary[];
  /** Deployments that the viewer may decide; only these gates are tinted. */
  mine?: ReadonlySet<string>;
  /** Inside a grid the cells take part in its arrow keys instead of the tab order. */
  inGrid?: boolean;
  firstColumn?: number;
}) {
  const { run, lanes = [], mine, inGrid = false } = props;
  const usual = useUsualDurations(
    run.service,
    run.stages.some(({ status }) => status === 'running'),
  );
  const gate = gateOf(run, lanes);
  return (
    <div className="channel" {...(inGrid ? { role: 'presentation' } : { role: 'group', 'aria-label': 'Stages' })}>
      {order.map((stage, index) => {
        const cell = run.stages.find((each) => each.stage === stage);
        return (
          <StageCell
            key={stage}
            run={run}
            cell={cell ?? { stage, status: 'queued', startedAt: null, finishedAt: null, label: null }}
            usualMs={usual[stage]}
            gate={stage === 'release' ? gate : undefined}
            mayDecide={isPresent(gate?.current) && mine?.has(gate.current.deploymentId) === true}
            gridColumn={inGrid ? (props.firstColumn ?? 0) + index : undefined}
          />
        );
      })}
    </div>
  );
});

function StageCell(props: {
  run: RunSummary;
  cell: StageCellData;
  usualMs: number | undefined;
  gate: LaneSummary | undefined;
  mayDecide: boolean;
  gridColumn: number | undefined;
}) {
  const { run, cell, gate } = props;
  const now = useNow(cell.status === 'running');
  const look = stageLook(cell, now, props.usualMs, gate, props.mayDecide);
  const surface = { plain: '', tint: 'channel-tinted', hatch: 'channel-waiting', fill: 'channel-running' }[
    look.surface
  ];
  const shared = {
    className: `channel-cell tone-${look.tone} ${surface}`,
    'aria-label': look.sentence,
    title: look.sentence,
    style: { '--fill': look.fill ?? 0 } as React.CSSProperties,
    ...(props.gridColumn === undefined ? {} : { 'data-column': props.gridColumn, tabIndex: -1 }),
  };
  const units = twoUnits.exec(look.words);
  const content = (
    <>
      <StatusIcon status={look.status} size={13} />
      {units === null ? (
        <span className="channel-word" aria-hidden="true">
          {look.words}
        </span>
      ) : (
        <span className="channel-word channel-duration" aria-hidden="true">
          <span>{units[1]}</span> <span>{units[2]}</span>
        </span>
      )}
    </>
  );
  const deploymentId = gate?.current?.deploymentId;
  const link =
    deploymentId !== undefined && look.status === 'gate' ? (
      <Link {...shared} to="/approvals/$id" params={{ id: deploymentId }}>
        {content}
      </Link>
    ) : (
      <Link
        {...shared}
        to="/services/$service/runs/$number"
        params={{ service: run.service, number: String(run.number) }}
        search={{ stage: cell.stage }}
      >
        {content}
      </Link>
    );
  return props.gridColumn === undefined ? (
    link
  ) : (
    <div role="gridcell" className="contents">
      {link}
    </div>
  );
}
