import { isHeld, STAGE_ORDER, type Reason, type RunState, type Status } from '@sluice/engine';
import type { CheckConclusion, CheckReport } from '../../platform/forge/checks.port.ts';
import { contextOf, stateInWords } from './describe-status.ts';

type Described = Omit<CheckReport, 'commit'>;
type Place = { readonly service: string; readonly origin: string };

const SHOWN_JOBS = 30;
const SHOWN_TEXT = 300;

const CONCLUSIONS: Readonly<Record<Exclude<Status, 'queued' | 'waiting' | 'running'>, CheckConclusion>> = {
  passed: 'success',
  skipped: 'skipped',
  failed: 'failure',
  // GitHub has no word for "our trouble"; the title has.
  errored: 'failure',
  cancelled: 'cancelled',
  superseded: 'cancelled',
};

/** What GitHub shows of a run. All that others wrote stands in code spans: there it is neither markup, link nor a call to anybody. */
export function describeCheck(run: RunState, { service, origin }: Place): Described {
  const { number, runId, status, createdAt, startedAt, finishedAt } = run;
  const url = `${origin}/services/${service}/runs/${number}`;
  const all = { name: contextOf(service), externalId: runId, url, summary: summaryOf(run) };
  const title = `Run #${number} ${stateInWords(run)}`;
  const started = startedAt === undefined ? {} : { startedAt };
  if (status === 'queued') return { ...all, title, status };
  if (status === 'waiting' && isHeld(run))
    return { ...all, title, startedAt: createdAt, status: 'completed', conclusion: 'action_required' };
  if (status === 'running' || status === 'waiting') return { ...all, ...started, title, status: 'in_progress' };
  const ended = {
    ...all,
    ...started,
    ...(finishedAt === undefined ? {} : { completedAt: finishedAt }),
    status: 'completed',
  } as const;
  if (status === 'failed' && ranOutOfTime(run))
    return { ...ended, title: `Run #${number} ran out of time`, conclusion: 'timed_out' };
  return { ...ended, title, conclusion: CONCLUSIONS[status] };
}

/** Passing, since nothing stands against the change; and it says that nothing was run. */
export function describeCheckNotAffected(why: string, serviceId: string, { service, origin }: Place): Described {
  return {
    name: contextOf(service),
    externalId: `not-affected:${serviceId}`,
    url: `${origin}/services/${service}`,
    status: 'completed',
    conclusion: 'skipped',
    title: 'Not affected',
    summary: `This change starts no run: ${code(why)}`,
  };
}

function summaryOf(run: RunState): string {
  const stages = STAGE_ORDER.filter((stage) => run.stages[stage].status !== 'skipped').map((stage) => {
    const { status, reason, warning } = run.stages[stage];
    return `- **${stage}** ${status}${because(reason ?? warning)}`;
  });
  const bad = run.plan.jobs.flatMap(({ key }) => {
    const job = run.jobs[key];
    return job && (job.status === 'failed' || job.status === 'errored')
      ? [`- ${code(key)} ${job.status}${job.allowed ? ', which is allowed' : ''}${because(job.reason)}`]
      : [];
  });
  const lanes = run.stages.release.status === 'skipped' ? [] : run.lanes;
  return [
    paragraph(isHeld(run) ? sentence(run.held) : sentence(run.reason)),
    paragraph(stages.join('\n')),
    paragraph(section('Jobs that did not pass', bad)),
    paragraph(
      section(
        'Environments',
        lanes.map(({ environment, status, reason }) => `- ${code(environment)} ${status}${because(reason)}`),
      ),
    ),
  ]
    .join('')
    .trim();
}

const paragraph = (text: string) => (text === '' ? '' : `${text}\n\n`);
const because = (reason: Reason | undefined) => (reason === undefined ? '' : `: ${code(reason.message)}`);
const sentence = (reason: Reason | undefined) => (reason === undefined ? '' : code(reason.message));

function section(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  const more = lines.length - SHOWN_JOBS;
  return [`**${title}**`, '', ...lines.slice(0, SHOWN_JOBS), ...(more > 0 ? [`- and ${more} more`] : [])].join('\n');
}

/** One line in a code span, which no text can leave; without the signs that turn the direction of text. */
function code(text: string): string {
  const line = text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .replaceAll('`', "'")
    .trim();
  const characters = [...line];
  const shown = characters.length > SHOWN_TEXT ? `${characters.slice(0, SHOWN_TEXT - 1).join('')}…` : line;
  return shown === '' ? '`-`' : `\`${shown}\``;
}

/** Something failed, and nothing for another reason than its time. */
function ranOutOfTime({ jobs, stages }: RunState): boolean {
  const stageOver = STAGE_ORDER.some((stage) => stages[stage].overdueAt !== undefined);
  const failed = Object.values(jobs).filter(({ status, allowed }) => status === 'failed' && !allowed);
  return failed.every(({ reason }) => reason?.code === 'timeout') && (stageOver || failed.length > 0);
}
