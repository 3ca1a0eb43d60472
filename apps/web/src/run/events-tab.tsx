import { useQuery } from '@tanstack/react-query';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import { ErrorBar, SkeletonRows } from '../ui/notice.tsx';
import { UntrustedText } from '../ui/untrusted-text.tsx';
import { clockTime, exactTime } from '../ui/wording.ts';

export function EventsTab({ runId }: { runId: string }) {
  const events = useQuery(queries.runEvents(runId));
  if (events.isPending) return <SkeletonRows rows={8} height={34} />;
  if (events.isError)
    return (
      <div className="p-4">
        <ErrorBar onRetry={() => void events.refetch()}>{problemSentence(events.error, 'load the events')}</ErrorBar>
      </div>
    );
  return (
    <ol className="card mx-auto my-4 max-w-[1000px]" aria-label="Events of this run">
      {events.data.map((event) => (
        <li key={event.sequence} className="flex gap-4 border-b border-line px-4 py-2 last:border-0">
          <time dateTime={event.at} title={exactTime(event.at)} className="flex-none text-text-3 tnum">
            {clockTime(event.at)}
          </time>
          <span className="min-w-0 break-words">
            <UntrustedText text={event.text} />
          </span>
          <code className="ml-auto flex-none text-text-3 max-md:hidden">{event.type}</code>
        </li>
      ))}
    </ol>
  );
}
