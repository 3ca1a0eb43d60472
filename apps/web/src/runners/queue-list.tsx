import { Link } from '@tanstack/react-router';
import { useNow } from '../api/server-clock.ts';
import type { Queue } from '../api/shapes.ts';
import { causeName } from '../run/cause-name.ts';
import { elapsed, plural } from '../ui/wording.ts';

/** What is ready and has no runner, oldest first: each with its cause and what would end it. */
export function QueueList({ queue }: { queue: Queue }) {
  const now = useNow(queue.items.length > 0);
  return (
    <section className="card" aria-labelledby="queue">
      <div className="card-head">
        <h2 id="queue">Queue</h2>
        <span className="ml-auto text-sub font-normal text-text-2 tnum">{plural(queue.total, 'job')}</span>
      </div>
      {queue.items.length === 0 ? (
        <p className="px-4 py-3 text-text-2">No job of your teams waits for a runner.</p>
      ) : (
        <ul>
          {queue.items.map(({ attemptId, service, number, job, pool, priority, waiting }) => (
            <li
              key={attemptId}
              className="flex min-h-10 items-center gap-x-4 gap-y-1 border-b border-line px-4 py-2 last:border-0 max-md:grid max-md:grid-cols-[minmax(0,1fr)_auto_auto]"
            >
              <Link
                to="/services/$service/runs/$number"
                params={{ service, number: String(number) }}
                search={{ job }}
                className="link w-[260px] truncate max-md:col-span-2 max-md:w-auto"
              >
                {service} #{number} {job}
              </Link>
              <span className="flex gap-x-4 text-text-2 max-md:order-3 max-md:col-span-2 max-md:justify-end max-md:gap-x-2">
                <span className="w-[110px] truncate max-md:w-auto max-md:max-w-[150px]">{pool ?? 'no pool'}</span>
                <span className="w-[86px] max-md:w-auto">{priority === 'default' ? '' : priority}</span>
              </span>
              <span className="w-[150px] font-medium max-md:order-2 max-md:w-auto">{causeName(waiting.code)}</span>
              <span
                className="min-w-0 flex-1 text-text-2 max-md:order-4 max-md:col-span-3"
                title={`Ends with: ${waiting.endsWhen}`}
              >
                {waiting.message}
              </span>
              <span className="text-right text-sub text-text-3 tnum max-md:order-1">
                {elapsed(now - Date.parse(waiting.since))}
              </span>
            </li>
          ))}
        </ul>
      )}
      {queue.total > queue.items.length && (
        <p className="px-4 py-2 text-sub text-text-3">
          The oldest {queue.items.length} are shown; {queue.total - queue.items.length} more wait behind them.
        </p>
      )}
    </section>
  );
}
