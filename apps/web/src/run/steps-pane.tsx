import { useNow } from '../api/server-clock.ts';
import type { AttemptDetail, JobDetail, StepDetail } from '../api/shapes.ts';
import { StatusIcon } from '../ui/status-icon.tsx';
import { isOver, statusLook } from '../ui/status.ts';
import { delay, duration, elapsed } from '../ui/wording.ts';
import { isPresent } from '../ui/is-present.ts';

/** The chosen job: its steps on one time axis, its attempts, where it runs. */
export function StepsPane(props: {
  job: JobDetail;
  attempt: AttemptDetail | undefined;
  onAttempt: (number: number) => void;
  onStep: (index: number) => void;
}) {
  const { job, attempt } = props;
  const now = useNow(job.status === 'running');
  const begin = !isPresent(attempt?.startedAt) ? null : Date.parse(attempt.startedAt);
  const end = !isPresent(attempt?.finishedAt) ? now : Date.parse(attempt.finishedAt);
  return (
    <div className="flex flex-col">
      <div className="flex items-center gap-2 px-4 pt-3 pb-1">
        <h2 className="truncate text-section font-semibold">{job.name}</h2>
        {attempt !== undefined && job.attempts.length === 1 && (
          <span className="text-text-3">attempt {attempt.number}</span>
        )}
      </div>
      {job.attempts.length > 1 && (
        <div role="group" aria-label="Attempts" className="flex flex-wrap gap-1 px-4 pb-2">
          {job.attempts.map((each) => (
            <button
              key={each.id}
              type="button"
              aria-pressed={each === attempt}
              onClick={() => props.onAttempt(each.number)}
              className={`btn btn-small ${each === attempt ? 'bg-sunken! font-semibold' : ''}`}
            >
              <StatusIcon status={each.status} size={12} label={statusLook(each.status).word} />
              Attempt {each.number}
            </button>
          ))}
        </div>
      )}
      {attempt !== undefined && attempt.steps.length > 0 && (
        <ol className="px-2 pb-2" aria-label="Steps">
          {attempt.steps.map((step) => (
            <li key={step.index}>
              <button
                type="button"
                disabled={step.logOffset === null}
                onClick={() => props.onStep(step.index)}
                className="w-full rounded-control px-2 py-1.5 text-left hover:bg-sunken disabled:hover:bg-transparent"
              >
                <span className="flex items-center gap-2">
                  <StatusIcon status={step.status} size={14} label={statusLook(step.status).word} />
                  <span
                    className={`truncate ${step.status === 'running' ? 'font-semibold' : step.status === 'queued' ? 'text-text-2' : ''}`}
                  >
                    {step.name}
                  </span>
                  <span className="ml-auto text-text-2 tnum">{stepTime(step, now)}</span>
                </span>
                <StepBar step={step} begin={begin} end={end} now={now} />
              </button>
            </li>
          ))}
        </ol>
      )}
      {job.reason !== null && (
        <p className="mx-4 mb-3 rounded-control bg-failed-tint px-3 py-2 text-failed">{job.reason.message}</p>
      )}
      <dl className="grid grid-cols-[76px_minmax(0,1fr)] gap-y-1.5 border-t border-line px-4 py-3">
        <dt className="text-text-2">Runner</dt>
        <dd className="truncate">{attempt?.runner ?? 'none yet'}</dd>
        {job.generatedBy !== undefined && (
          <>
            <dt className="text-text-2">Generated</dt>
            <dd className="truncate">by {job.generatedBy}</dd>
          </>
        )}
        <dt className="text-text-2">Image</dt>
        {job.image === null ? (
          <dd>none: on the runner's machine itself</dd>
        ) : (
          <dd className="mono truncate" title={job.image}>
            {job.image}
          </dd>
        )}
        {attempt !== undefined && (
          <>
            <dt className="text-text-2">Queued</dt>
            <dd className="tnum">
              {attempt.startedAt === null
                ? elapsed(now - Date.parse(attempt.queuedAt))
                : delay(Date.parse(attempt.startedAt) - Date.parse(attempt.queuedAt))}
            </dd>
            <dt className="text-text-2">Attempt</dt>
            <dd>
              {attempt.number}, {statusLook(attempt.status).word.toLowerCase()}
              {attempt.exitCode !== null && attempt.exitCode !== 0 ? `, exit code ${attempt.exitCode}` : ''}
            </dd>
          </>
        )}
        {job.needs.length > 0 && (
          <>
            <dt className="text-text-2">Needs</dt>
            <dd>{job.needs.join(', ')}</dd>
          </>
        )}
      </dl>
      {isPresent(attempt?.reason) && <p className="px-4 pb-3 text-text-2">{attempt.reason.message}</p>}
      {attempt?.log.truncated === true && (
        <p className="px-4 pb-3 text-warning">The log reached its limit and was cut; the job went on.</p>
      )}
      {attempt?.log.incomplete === true && (
        <p className="px-4 pb-3 text-warning">The runner went silent: the end of this log never arrived.</p>
      )}
    </div>
  );
}

function stepTime(step: StepDetail, now: number): string {
  if (step.startedAt === null) return '';
  if (step.finishedAt !== null) return duration(Date.parse(step.finishedAt) - Date.parse(step.startedAt));
  return isOver(step.status) ? '' : elapsed(now - Date.parse(step.startedAt));
}

function StepBar({ step, begin, end, now }: { step: StepDetail; begin: number | null; end: number; now: number }) {
  const span = begin === null ? 0 : Math.max(1, end - begin);
  const from = step.startedAt === null || begin === null ? 0 : (Date.parse(step.startedAt) - begin) / span;
  const to =
    step.startedAt === null || begin === null
      ? 0
      : ((step.finishedAt === null ? now : Date.parse(step.finishedAt)) - begin) / span;
  const tone =
    step.status === 'running'
      ? 'bg-running-solid'
      : step.status === 'failed' || step.status === 'errored'
        ? 'bg-failed-solid'
        : 'bg-waiting-solid';
  return (
    <span className="mt-1.5 ml-[22px] block h-1 overflow-hidden rounded-full bg-sunken" aria-hidden="true">
      <span
        className={`block h-full rounded-full ${tone}`}
        style={{ marginLeft: `${from * 100}%`, width: to > from ? `max(4px, ${(to - from) * 100}%)` : 0 }}
      />
    </span>
  );
}
