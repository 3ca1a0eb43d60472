import { useQuery } from '@tanstack/react-query';
import { useId } from 'react';
import { queries } from '../api/queries.ts';
import { Select } from '../ui/select.tsx';

const MINUTES = [10, 30, 60, 120, 240];

/** Asks with a re-run whether containers of jobs that fail are kept; null = not. Where that cannot be, it says why. */
export function KeepChoice({
  runId,
  minutes,
  onChange,
}: {
  runId: string;
  minutes: number | null;
  onChange: (minutes: number | null) => void;
}) {
  const id = useId();
  const { data } = useQuery(queries.runDebug(runId));
  if (data === undefined) return null;
  if (data.mostMinutes === null) return <p className="mt-3 text-sub text-text-2">{data.refusal}</p>;
  const most = data.mostMinutes;
  const choices = MINUTES.filter((each) => each < most).concat(most);
  const first = choices.findLast((each) => each <= 30) ?? most;
  return (
    <div className="mt-3">
      <label className="flex items-center gap-2" htmlFor={id}>
        <input
          id={id}
          type="checkbox"
          className="size-4"
          checked={minutes !== null}
          onChange={(event) => onChange(event.target.checked ? first : null)}
        />
        Keep the containers of jobs that fail, to open a shell in them
      </label>
      {minutes !== null && (
        <div className="mt-2 ml-6 flex items-center gap-2 text-text-2">
          for at most
          <Select
            label="How long containers are kept"
            value={String(minutes)}
            onChange={(value) => onChange(Number(value))}
          >
            {choices.map((each) => (
              <option key={each} value={each}>
                {each} minutes
              </option>
            ))}
          </Select>
        </div>
      )}
    </div>
  );
}
