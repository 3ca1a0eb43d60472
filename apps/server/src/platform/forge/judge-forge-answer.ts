import type { SendOutcome } from './commit-statuses.port.ts';
import type { ForgeAnswer, ForgeHttp } from './forge-http.ts';

const LONGEST_WAIT_SECONDS = 3_600;
/** What GitHub asks for when a limit was reached and its answer names no time. */
const LIMIT_WAIT_SECONDS = 60;
const REMEDIES: Readonly<Record<number, string>> = {
  401: 'Give the repository a token that is valid.',
  403: 'Give the repository a token that may write commit statuses.',
  404: 'Check the path of the repository and that the token may see it.',
};

/** Posts and turns whatever comes of it into an outcome. `now` decides how long a named instant is away. */
export async function postStatus(
  http: ForgeHttp,
  address: string,
  headers: Readonly<Record<string, string>>,
  body: unknown,
  now: () => Date = () => new Date(),
): Promise<SendOutcome> {
  const reached = await reachForge(() => http.post(address, headers, body));
  return reached.kind === 'answered' ? judgeForgeAnswer(reached.answer, now()) : reached;
}

type Trouble = Extract<SendOutcome, { kind: 'trouble' }>;

export async function reachForge(
  ask: () => Promise<ForgeAnswer>,
): Promise<{ readonly kind: 'answered'; readonly answer: ForgeAnswer } | Trouble> {
  try {
    return { kind: 'answered', answer: await ask() };
  } catch (error) {
    const why =
      error instanceof Error && error.name === 'TimeoutError'
        ? 'it did not answer in time'
        : said(String((error as Error).message));
    return { kind: 'trouble', why: `The forge could not be reached: ${why}.` };
  }
}

/** `remedies`: what a person can do about a refusal, by its status. */
export function judgeForgeAnswer(
  { status, headers, text }: ForgeAnswer,
  now: Date,
  remedies: Readonly<Record<number, string>> = REMEDIES,
): SendOutcome {
  if (status >= 200 && status < 300) return { kind: 'sent' };
  if (status >= 300 && status < 400)
    return {
      kind: 'refused',
      why: `The forge answered ${status}, a redirect, which is not followed; give the address of its API as it is.`,
    };
  const message = messageOf(text);
  const why = `The forge answered ${status}${message === '' ? '' : `: ${message}`}.`;
  const wait = waitOf(headers, now) ?? (isLimit(status, message) ? LIMIT_WAIT_SECONDS : undefined);
  // 403 is also how GitHub says "too many", with the headers of a limit.
  if (status >= 500 || status === 429 || status === 408 || (status === 403 && wait !== undefined))
    return { kind: 'trouble', why, ...(wait === undefined ? {} : { retryAfterSeconds: wait }) };
  const remedy = remedies[status];
  return { kind: 'refused', why: remedy === undefined ? why : `${why} ${remedy}` };
}

function isLimit(status: number, message: string): boolean {
  return status === 403 && /\brate limit\b/i.test(message);
}

function waitOf(headers: ForgeAnswer['headers'], now: Date): number | undefined {
  const after = headers['retry-after'];
  if (after !== undefined)
    return bounded(/^\d+$/.test(after) ? Number(after) : (Date.parse(after) - now.getTime()) / 1000);
  const reset = headers['x-ratelimit-reset'];
  if (headers['x-ratelimit-remaining'] === '0' && typeof reset === 'string')
    return bounded(Number(reset) - now.getTime() / 1000);
  return undefined;
}

function bounded(seconds: number): number {
  return Number.isFinite(seconds) ? Math.min(Math.max(Math.ceil(seconds), 1), LONGEST_WAIT_SECONDS) : 60;
}

/** What the forge says is wrong: every one has its own shape for it. */
function messageOf(text: string): string {
  try {
    const body = JSON.parse(text) as { message?: unknown; errors?: unknown; error?: unknown };
    const { message, errors, error } = body ?? {};
    const parts = [message, errors, error].filter((part) => part !== undefined && part !== null);
    return said(parts.map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join(', '));
  } catch {
    return '';
  }
}

/** Text from outside: one line, not long, no full stop of its own. */
function said(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is taken out
  return text
    .replace(/[\u0000-\u001f\u007f]+/g, ' ')
    .trim()
    .slice(0, 300)
    .replace(/\.$/, '');
}
