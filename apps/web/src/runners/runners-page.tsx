import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { CircleCheck, CircleDot, Hourglass, Plus, TriangleAlert, Unplug, type LucideIcon } from 'lucide-react';
import { useState } from 'react';
import { useNow } from '../api/server-clock.ts';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import type { Pool, Runner } from '../api/shapes.ts';
import { useIsSystemAdmin, useTeamsWhereIMay } from '../identity/use-role.ts';
import { useLive, useWriteBlock } from '../live/use-live.ts';
import { Age } from '../ui/age.tsx';
import { EmptyState, ErrorBar, SkeletonRows } from '../ui/notice.tsx';
import { Crumb, Crumbs } from '../ui/screen.tsx';
import type { Tone } from '../ui/status.ts';
import { elapsed, plural } from '../ui/wording.ts';
import { LimitsCard } from '../limits/limits-card.tsx';
import { AddRunnerDialog } from './add-runner-dialog.tsx';
import { CapacityStrip } from './capacity-strip.tsx';
import { QueueList } from './queue-list.tsx';

const states: Record<Runner['state'], { word: string; tone: Tone; icon: LucideIcon }> = {
  busy: { word: 'Busy', tone: 'running', icon: CircleDot },
  idle: { word: 'Free', tone: 'passed', icon: CircleCheck },
  draining: { word: 'Draining', tone: 'waiting', icon: Hourglass },
  silent: { word: 'Silent', tone: 'failed', icon: Unplug },
  removed: { word: 'Removed', tone: 'waiting', icon: Unplug },
};

export function RunnersPage() {
  const pools = useQuery(queries.pools());
  const runners = useQuery(queries.runners());
  const queue = useQuery(queries.queue());
  useLive('runners', ['runners'], ['pools'], ['queue'], ['limits']);
  useLive('board', ['queue']);
  const blocked = useWriteBlock();
  const [adding, setAdding] = useState(false);
  // Pools that serve everyone are let to system admins, those of a team to its admins; as the server refuses it.
  const system = useIsSystemAdmin();
  const teams = useTeamsWhereIMay('admin');
  const mine = (pools.data ?? []).filter(({ team }) => (team === null ? system : teams.includes(team)));
  const mayAdd = system || mine.length > 0;
  const connected = runners.data?.filter(({ state }) => state !== 'removed') ?? [];
  const error = pools.error ?? runners.error ?? queue.error;
  return (
    <div className="mx-auto max-w-[1680px] px-3 py-3 md:px-6 md:py-4">
      <Crumbs title="Runners">
        <Crumb last>Runners</Crumb>
      </Crumbs>
      <div className="mb-3 flex flex-wrap items-center gap-x-3 gap-y-2">
        <h1 className="text-title font-semibold tracking-[-0.018em] max-md:text-[24px] max-md:leading-[30px]">
          Runners
        </h1>
        <span className="text-text-2 tnum">
          {plural(pools.data?.length ?? 0, 'pool')}, {plural(connected.length, 'runner')}
        </span>
        {mayAdd && (
          <button
            type="button"
            className="btn ml-auto"
            disabled={blocked !== null}
            title={blocked ?? undefined}
            onClick={() => setAdding(true)}
          >
            <Plus size={15} aria-hidden="true" />
            Add runner
          </button>
        )}
      </div>
      {error !== null && (
        <ErrorBar onRetry={() => void Promise.all([pools.refetch(), runners.refetch(), queue.refetch()])}>
          {problemSentence(error, 'load the runners')}
        </ErrorBar>
      )}
      {pools.isPending || runners.isPending ? (
        <SkeletonRows rows={8} height={40} />
      ) : (
        <div className="flex flex-col gap-4">
          {queue.data && <QueueList queue={queue.data} />}
          <LimitsCard />
          <Pools pools={pools.data ?? []} runners={connected} />
          <Runners runners={connected} onAdd={mayAdd ? () => setAdding(true) : null} />
        </div>
      )}
      <AddRunnerDialog
        open={adding}
        onClose={() => setAdding(false)}
        pools={mine}
        mayMakePool={system}
        runners={connected}
      />
    </div>
  );
}

function Pools({ pools, runners }: { pools: readonly Pool[]; runners: readonly Runner[] }) {
  return (
    <section className="card overflow-x-auto" aria-labelledby="pools" tabIndex={0}>
      <div className="card-head">
        <h2 id="pools">Pools</h2>
        <span className="ml-auto flex gap-4 text-sub font-normal text-text-2" aria-hidden="true">
          <span className="inline-flex items-center gap-1.5">
            <span className="size-2.5 rounded-[2px] bg-running-solid" /> Busy
          </span>
          <span className="inline-flex items-center gap-1.5">
            <span className="size-2.5 rounded-[2px] bg-passed-solid/35" /> Free
          </span>
        </span>
      </div>
      {pools.length === 0 ? (
        <p className="px-4 py-3 text-text-2">No pool yet. Adding a runner makes the first one.</p>
      ) : (
        <table className="w-full md:min-w-[560px]">
          <thead>
            <tr className="border-b border-line text-left text-sub text-text-2">
              <th className="px-4 py-2 font-normal">Pool</th>
              <th className="px-2 py-2 font-normal max-md:hidden">Labels</th>
              <th className="px-2 py-2 font-normal max-md:hidden">Slots</th>
              <th className="px-2 py-2 text-right font-normal">Busy</th>
              <th className="px-2 py-2 text-right font-normal">Free</th>
              <th className="px-4 py-2 text-right font-normal">Runners</th>
            </tr>
          </thead>
          <tbody>
            {pools.map((pool) => {
              const mine = runners.filter((runner) => runner.pool === pool.name);
              const ready = mine.filter(({ state }) => state === 'idle' || state === 'busy');
              const busy = mine.reduce((sum, runner) => sum + runner.busy, 0);
              const free = ready.reduce((sum, runner) => sum + runner.slots - runner.busy, 0);
              return (
                <tr key={pool.id} className="h-10 border-b border-line last:border-0">
                  <th scope="row" className="px-4 text-left font-medium wrap-anywhere max-md:py-2">
                    {pool.name}{' '}
                    <span className="ml-1.5 font-normal text-text-3 max-md:ml-0 max-md:block max-md:text-sub">
                      {pool.trust === 'untrusted' ? 'for untrusted runs' : (pool.team ?? 'all teams')}
                    </span>
                    {pool.labels.length > 0 && (
                      <span className="mono block font-normal text-text-2 md:hidden">{pool.labels.join(', ')}</span>
                    )}
                  </th>
                  <td className="mono px-2 text-text-2 max-md:hidden">{pool.labels.join(', ')}</td>
                  <td className="px-2 max-md:hidden">
                    <CapacityStrip busy={busy} free={free} />
                  </td>
                  <td className="px-2 text-right tnum">{busy}</td>
                  <td className={`px-2 text-right tnum ${free === 0 ? 'font-medium text-warning' : ''}`}>{free}</td>
                  <td className="px-4 text-right tnum">{mine.length}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Runners({ runners, onAdd }: { runners: readonly Runner[]; onAdd: (() => void) | null }) {
  return (
    <section className="card" aria-labelledby="runners">
      <div className="card-head">
        <h2 id="runners">Runners</h2>
      </div>
      {runners.length === 0 ? (
        <EmptyState title="No runner is connected">
          <p>
            Jobs wait until one is. A runner needs Node 24, git and a container engine, and speaks HTTPS to this server
            only.
          </p>
          {onAdd === null ? (
            <p className="mt-3">An admin adds the first runner.</p>
          ) : (
            <button type="button" className="btn btn-ink mt-3" onClick={onAdd}>
              Add the first runner
            </button>
          )}
          <p className="mt-3 text-text-3">This page shows it as soon as it connects.</p>
        </EmptyState>
      ) : (
        <ul>
          {[...runners]
            .sort((a, b) => a.name.localeCompare(b.name))
            .map((runner) => (
              <RunnerRow key={runner.id} runner={runner} />
            ))}
        </ul>
      )}
    </section>
  );
}

function RunnerRow({ runner }: { runner: Runner }) {
  const {
    word,
    tone,
    icon: Icon,
  } = runner.trouble !== null && runner.state === 'draining'
    ? { word: 'No work', tone: 'failed' as const, icon: TriangleAlert }
    : states[runner.state];
  const now = useNow(runner.jobs.length > 0);
  return (
    <li className="flex min-h-10 flex-wrap items-center gap-x-4 gap-y-1 border-b border-line px-4 py-2 last:border-0">
      <span className="w-[190px] truncate font-medium max-md:w-auto max-md:flex-auto max-md:basis-[62%]">
        {runner.name}
      </span>
      <span className={`tone-${tone} inline-flex w-24 items-center gap-1.5 text-(--tone) max-md:w-auto`}>
        <Icon size={14} aria-hidden="true" />
        {word}
      </span>
      <span className="w-[110px] truncate text-text-2 max-md:order-1 max-md:w-auto max-md:max-w-full">
        {runner.pool}
      </span>
      <span className="w-[70px] text-text-2 tnum max-md:order-1">
        {runner.busy} of {runner.slots}
      </span>
      {runner.host === true && (
        <span
          className="text-text-2 max-md:order-1"
          title="Takes jobs with `host: true`: without a container, on its machine itself"
        >
          host
        </span>
      )}
      <span className="min-w-0 flex-1 max-md:order-2 max-md:w-full max-md:flex-none">
        {runner.jobs.map((job) => (
          <Link
            key={job.attemptId}
            to="/services/$service/runs/$number"
            params={{ service: job.service, number: String(job.number) }}
            search={{ job: job.job }}
            className="link mr-3 inline-flex items-center gap-1.5"
          >
            {job.service} #{job.number} {job.job}
            <span className="text-text-3 tnum">{elapsed(now - Date.parse(job.since))}</span>
          </Link>
        ))}
        {runner.trouble !== null && <span className="mr-3 text-failed">{runner.trouble}</span>}
        {runner.jobs.length === 0 && runner.trouble === null && (
          <span className="text-text-3">
            {runner.state === 'silent' ? 'its jobs go back to the queue when their leases end' : 'nothing just now'}
          </span>
        )}
      </span>
      <span className="text-sub text-text-3 tnum max-md:order-3">
        seen <Age at={runner.lastSeenAt} words />, {runner.version}
      </span>
    </li>
  );
}
