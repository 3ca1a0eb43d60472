import { useQueries, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../api/contract-client.ts';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import { useIsSystemAdmin } from '../identity/use-role.ts';
import { useWriteBlock } from '../live/use-live.ts';
import { ErrorBar } from '../ui/notice.tsx';
import { LimitDialog, limitWords } from './limit-dialog.tsx';

/** Beside the queue, where a limit is met: how many jobs of my teams may run at once. System admins change it here. */
export function LimitsCard() {
  const system = useIsSystemAdmin();
  const teams = useQuery(queries.teams());
  const limits = useQueries({ queries: (teams.data ?? []).map(({ slug }) => queries.limits(slug)) });
  const [asked, setAsked] = useState<string>();
  const blocked = useWriteBlock();
  const failed = [teams, ...limits].find(({ isError }) => isError);
  const askedAt = teams.data?.findIndex(({ slug }) => slug === asked) ?? -1;
  return (
    <section className="card" aria-labelledby="limits">
      <h2 id="limits" className="card-head">
        Limits
      </h2>
      {failed !== undefined && (
        <div className="p-3">
          <ErrorBar onRetry={() => void failed.refetch()}>{problemSentence(failed.error, 'load the limits')}</ErrorBar>
        </div>
      )}
      {teams.data?.length === 0 && <p className="px-4 py-3 text-text-2">You are in no team yet.</p>}
      <ul>
        {teams.data?.map(({ slug }, index) => {
          const found = limits[index]?.data;
          return (
            <li
              key={slug}
              className="flex min-h-11 flex-wrap items-center gap-x-4 gap-y-1 border-b border-line px-4 py-2 last:border-0"
            >
              <span className="w-[190px] truncate font-medium max-md:w-full">{slug}</span>
              {found !== undefined && (
                <span className="min-w-0 flex-1">
                  <span className="tnum">
                    {limitWords(found.runningJobs)}, <span className="text-text-2">{found.runningNow} running now</span>
                  </span>
                  {Object.entries(found.services).length > 0 && (
                    <span className="block text-sub text-text-2">
                      {Object.entries(found.services).map(([service, jobs], place) => (
                        <span key={service}>
                          {place > 0 && ', '}
                          <Link to="/services/$service" params={{ service }} className="link">
                            {service}
                          </Link>{' '}
                          {limitWords(jobs)}
                        </span>
                      ))}
                    </span>
                  )}
                </span>
              )}
              {found !== undefined && system && (
                <button
                  type="button"
                  className="btn btn-small"
                  disabled={blocked !== null}
                  title={blocked ?? undefined}
                  onClick={() => setAsked(slug)}
                >
                  Change<span className="sr-only"> the limit of {slug}</span>
                </button>
              )}
            </li>
          );
        })}
      </ul>
      {!system && (
        <p className="border-t border-line px-4 py-2 text-sub text-text-3">
          System admins set the limit of a team, its admins those of services: on the page of the service.
        </p>
      )}
      {asked !== undefined && (
        <LimitDialog
          of={`the team ${asked}`}
          most={limits[askedAt]?.data?.runningJobs ?? null}
          save={(runningJobs) => api.catalog.putTeamLimit({ team: asked, runningJobs })}
          onClose={() => setAsked(undefined)}
        />
      )}
    </section>
  );
}
