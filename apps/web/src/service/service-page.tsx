import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { FolderGit2, Play, Server, Users } from 'lucide-react';
import { useContext, useEffect, useMemo, useRef, useState } from 'react';
import { queries } from '../api/queries.ts';
import type { RunSummary, ServiceDetail } from '../api/shapes.ts';
import { StageChannel } from '../board/stage-channel.tsx';
import { usualDurations } from '../board/usual-durations.ts';
import { ReadFailed } from '../frame/not-there.tsx';
import { ServiceLimit } from '../limits/service-limit.tsx';
import { useMay } from '../identity/use-role.ts';
import { useLive, useWriteBlock } from '../live/use-live.ts';
import { Age } from '../ui/age.tsx';
import { Avatar } from '../ui/avatar.tsx';
import { EmptyState, SkeletonRows } from '../ui/notice.tsx';
import { Crumb, Crumbs, FrameSlots } from '../ui/screen.tsx';
import { StatusIcon } from '../ui/status-icon.tsx';
import { isOver, statusLook } from '../ui/status.ts';
import { UntrustedText } from '../ui/untrusted-text.tsx';
import { useNarrow } from '../ui/use-narrow.ts';
import { duration, firstLine, shortRef } from '../ui/wording.ts';
import { EnvironmentsLane } from './environments-lane.tsx';
import { ForgeStatuses } from './forge-statuses.tsx';
import { RunNow } from './run-now.tsx';
import { ServiceTriggers } from './service-triggers.tsx';

const route = getRouteApi('/signed-in/services/$service');

export function ServicePage() {
  const { service } = route.useParams();
  const detail = useQuery(queries.service(service));
  useLive(`service:${service}`, ['service', service], ['runs', service]);
  useLive('board', ['service', service], ['runs', service], ['limits']);
  return (
    <div className="mx-auto max-w-[1680px] px-3 py-3 md:px-6 md:py-4">
      <Crumbs title={service}>
        <Crumb>
          <Link to="/board">Board</Link>
        </Crumb>
        <Crumb last>{service}</Crumb>
      </Crumbs>
      {detail.isPending ? (
        <SkeletonRows rows={8} height={40} />
      ) : detail.data === undefined ? (
        <ReadFailed
          error={detail.error}
          what={`The service ${service}`}
          doing="load the service"
          parent={{ to: '/board', word: 'the board' }}
          onRetry={() => void detail.refetch()}
        />
      ) : (
        <>
          <Header detail={detail.data} />
          <EnvironmentsLane detail={detail.data} />
          <ServiceTriggers detail={detail.data} />
          <Runs detail={detail.data} />
        </>
      )}
    </div>
  );
}

function Header({ detail }: { detail: ServiceDetail }) {
  const [open, setOpen] = useState(false);
  const mayRun = useMay(detail.team, 'developer');
  const blocked = useWriteBlock();
  return (
    <header>
      <div className="flex flex-wrap items-center gap-3">
        <h1 className="text-title font-semibold tracking-[-0.018em] max-md:text-[24px] max-md:leading-[30px]">
          {detail.slug}
        </h1>
        {detail.targets.map((target) => (
          <span key={target} className="tag">
            {target}
          </span>
        ))}
        {mayRun && (
          <button
            type="button"
            className="btn ml-auto"
            disabled={blocked !== null}
            title={blocked ?? undefined}
            onClick={() => setOpen(true)}
          >
            <Play size={14} aria-hidden="true" />
            Run now
          </button>
        )}
      </div>
      <p className="mt-1.5 flex flex-wrap items-center gap-x-5 gap-y-1 text-text-2">
        <span className="inline-flex items-center gap-1.5">
          <Users size={14} aria-hidden="true" />
          {detail.team}
        </span>
        <span className="inline-flex min-w-0 items-center gap-1.5">
          <FolderGit2 size={14} aria-hidden="true" />
          <code className="break-all">
            <UntrustedText text={detail.repository.url} />
            {detail.repository.path !== '.' && detail.repository.path !== '' && <>, {detail.repository.path}</>}
          </code>
        </span>
        {detail.release.length > 0 && (
          <span className="inline-flex items-center gap-1.5">
            <Server size={14} aria-hidden="true" />
            releases to {detail.release.join(', then ')}
          </span>
        )}
      </p>
      <ForgeStatuses detail={detail} />
      <ServiceLimit detail={detail} />
      <RunNow detail={detail} open={open} onClose={() => setOpen(false)} />
    </header>
  );
}

const ROW = 44;

function Runs({ detail }: { detail: ServiceDetail }) {
  const runs = useInfiniteQuery(queries.runs(detail.slug));
  const narrow = useNarrow();
  const { scroller } = useContext(FrameSlots);
  const list = useRef<HTMLDivElement>(null);
  const all = useMemo(() => runs.data?.pages.flatMap(({ items }) => items) ?? [], [runs.data]);
  const usual = useMemo(() => totalOf(usualDurations(all.slice(0, 20))), [all]);
  const [margin, setMargin] = useState(0);
  const empty = all.length === 0;
  useEffect(() => {
    if (list.current !== null && scroller.current !== null)
      setMargin(
        list.current.getBoundingClientRect().top -
          scroller.current.getBoundingClientRect().top +
          scroller.current.scrollTop,
      );
  }, [scroller, empty]);
  // oxlint-disable-next-line react/incompatible-library -- concerns the React Compiler, which isn't used
  const virtual = useVirtualizer({
    count: all.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (narrow ? 116 : ROW),
    overscan: 10,
    scrollMargin: margin,
  });
  // A phone that is turned, a window made narrow: rows of the other height.
  useEffect(() => virtual.measure(), [virtual, narrow]);
  const items = virtual.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = runs;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && lastShown >= all.length - 5) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage, lastShown, all.length]);
  if (runs.isPending) return <SkeletonRows rows={10} height={ROW} />;
  if (all.length === 0) {
    return (
      <div className="card mt-4">
        <EmptyState title="No run yet">
          A push to <code>{detail.repository.defaultBranch}</code> starts the first one. The hook address is{' '}
          <code>{window.location.origin + detail.repository.hookPath}</code>.
        </EmptyState>
      </div>
    );
  }
  return (
    <section aria-labelledby="runs" className="mt-5">
      <h2 id="runs" className="mb-2 text-section font-semibold">
        Runs
      </h2>
      <div ref={list} className="card">
        <ol className="relative" style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const run = all[item.index];
            return run === undefined ? null : (
              <li
                key={run.id}
                aria-setsize={hasNextPage ? -1 : all.length}
                aria-posinset={item.index + 1}
                className="absolute inset-x-0 top-0 border-b border-line last:border-0"
                style={{ height: item.size, transform: `translateY(${item.start - margin}px)` }}
              >
                <RunRow run={run} lanes={detail.lanes} usual={usual} narrow={narrow} />
              </li>
            );
          })}
        </ol>
        {isFetchingNextPage && <p className="px-4 py-2 text-text-2">Loading older runs</p>}
      </div>
    </section>
  );
}

function RunRow({
  run,
  lanes,
  usual,
  narrow,
}: {
  run: RunSummary;
  lanes: ServiceDetail['lanes'];
  usual: number | undefined;
  narrow: boolean;
}) {
  const took =
    run.startedAt === null || run.finishedAt === null
      ? undefined
      : Date.parse(run.finishedAt) - Date.parse(run.startedAt);
  const trigger = {
    push: 'push',
    tag: 'tag',
    pull_request: 'pull request',
    manual: 'by hand',
    rerun: 'again',
    schedule: 'schedule',
    release: 'release',
  }[run.trigger.kind];
  const title = (
    <Link
      to="/services/$service/runs/$number"
      params={{ service: run.service, number: String(run.number) }}
      dir="auto"
      className="min-w-0 flex-1 truncate hover:underline"
    >
      <UntrustedText text={firstLine(run.message)} />
    </Link>
  );
  const head = (
    <>
      <StatusIcon status={run.status} size={15} label={statusLook(run.status).word} />
      <span className="mono w-[52px] flex-none font-medium">#{run.number}</span>
    </>
  );
  if (narrow) {
    return (
      <div className="flex h-full flex-col justify-center gap-1.5 px-3">
        <div className="flex items-center gap-2">
          {head}
          {title}
        </div>
        <StageChannel run={run} lanes={lanes} />
        <p className="truncate text-[13px] text-text-3">
          {shortRef(run.ref)}, {run.author}, <Age at={run.createdAt} words />
        </p>
      </div>
    );
  }
  return (
    <div className="grid h-full grid-cols-[minmax(160px,1fr)_132px_96px_72px] items-center gap-4 px-4 lg:grid-cols-[minmax(160px,1fr)_376px_150px_120px_72px]">
      <span className="flex min-w-0 items-center gap-2.5">
        {head}
        <Avatar name={run.author} />
        {title}
      </span>
      <span className="max-lg:hidden">
        <StageChannel run={run} lanes={lanes} />
      </span>
      <span className="truncate text-text-2">
        <UntrustedText text={shortRef(run.ref)} /> <span className="text-text-3">{trigger}</span>
      </span>
      <span
        className="flex items-center gap-2 text-sub text-text-2 tnum"
        title={usual === undefined ? undefined : `usually ${duration(usual)}`}
      >
        <span className="h-1 w-12 overflow-hidden rounded-full bg-sunken max-lg:hidden" aria-hidden="true">
          {took !== undefined && usual !== undefined && (
            <span
              className={`block h-full ${took > usual * 1.5 ? 'bg-warning-solid' : 'bg-waiting-solid'}`}
              style={{ width: `${Math.min(100, (took / usual) * 66)}%` }}
            />
          )}
        </span>
        {took !== undefined ? duration(took) : isOver(run.status) ? '' : statusLook(run.status).word.toLowerCase()}
      </span>
      <span className="text-right text-sub text-text-3 tnum">
        <Age at={run.createdAt} />
      </span>
    </div>
  );
}

function totalOf(usual: ReturnType<typeof usualDurations>): number | undefined {
  const values = Object.values(usual);
  return values.length < 3 ? undefined : values.reduce((sum, value) => sum + value, 0);
}
