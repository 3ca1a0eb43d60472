import { CalendarClock, Rocket } from 'lucide-react';
import type { ReactNode } from 'react';
import type { ServiceDetail } from '../api/shapes.ts';
import { exactTime } from '../ui/wording.ts';

/** What starts runs of the service by itself; nothing where there is no such thing. */
export function ServiceTriggers({ detail }: { detail: ServiceDetail }) {
  const { schedules = [], afterReleases = [] } = detail;
  if (schedules.length + afterReleases.length === 0) return null;
  return (
    <section aria-labelledby="starts-by-itself" className="mt-4">
      <h2 id="starts-by-itself" className="mb-2 text-section font-semibold">
        Starts by itself
      </h2>
      <ul className="card">
        {schedules.map(({ cron, timezone, branch, nextAt, problem }) => (
          <Entry
            key={`${cron} ${timezone} ${branch ?? ''}`}
            icon={<CalendarClock size={14} aria-hidden="true" />}
            problem={problem}
          >
            <code>{cron}</code> {timezone}
            {branch !== null && (
              <>
                {' '}
                of <code>{branch}</code>
              </>
            )}
            <span className="ml-auto tnum text-text-2">
              {nextAt === null ? 'never again' : <time dateTime={nextAt}>next {exactTime(nextAt)}</time>}
            </span>
          </Entry>
        ))}
        {afterReleases.map(({ service, environment, problem }) => (
          <Entry
            key={`${service} ${environment ?? ''}`}
            icon={<Rocket size={14} aria-hidden="true" />}
            problem={problem}
          >
            after a release of {service} to {environment ?? 'its last environment'}
          </Entry>
        ))}
      </ul>
    </section>
  );
}

function Entry({ icon, problem, children }: { icon: ReactNode; problem: string | null; children: ReactNode }) {
  return (
    <li className="border-b border-line px-4 py-2.5 last:border-0">
      <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
        {icon}
        {children}
      </p>
      {problem !== null && <p className="mt-1 text-failed">{problem}</p>}
    </li>
  );
}
