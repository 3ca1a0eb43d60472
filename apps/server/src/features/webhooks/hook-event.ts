import { z } from 'zod';
import { fullRefName } from '@sluice/git';
import {
  PULL_REQUEST_DELIVERY_VERSION,
  PUSH_DELIVERY_VERSION,
  type ForgeDelivery,
  type PullRequestDelivery,
} from '../planning/index.ts';

/** What a signed request tells, reduced to what Sluice does with it. */
export type HookEvent =
  | { readonly kind: 'ping' }
  | { readonly kind: 'ignored'; readonly why: string }
  | { readonly kind: 'malformed'; readonly problem: string }
  /** One for each ref: some forges tell of all that one push moved in a single request. */
  | { readonly kind: 'told'; readonly deliveries: readonly [ForgeDelivery, ...ForgeDelivery[]] };

const KEPT_COMMITS = 20;
const KEPT_MESSAGE = 200;

export const commitId = z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/, 'write 40 or 64 hex digits');
/** All zeros is how git says "none". */
const head = commitId.transform((id) => (/^0+$/.test(id) ? null : id));

/** Everything that a push of any forge must name; other keys are not even looked at (A14). */
export const pushBody = z.object({
  ref: z.string(),
  before: head,
  after: head,
  pusher: z.object({ name: z.string().max(200).optional() }).nullish(),
  commits: z.array(z.object({ id: commitId, message: z.string().default('') })).nullish(),
});

/** The payload as it is stored. Refs that git would not take for a branch are put aside, however well they are signed (A27). */
export function toPushEvent(body: z.infer<typeof pushBody>, pusher: string | null): HookEvent {
  const ref = fullRefName(body.ref);
  if (ref === undefined || !body.ref.startsWith('refs/'))
    return { kind: 'ignored', why: 'The name of the ref is not one Sluice works with; nothing is planned for it.' };
  const isTag = ref.startsWith('refs/tags/');
  if (!ref.startsWith('refs/heads/') && !isTag)
    return {
      kind: 'ignored',
      why: `Only branches and tags start runs; ${ref.split('/').slice(0, 2).join('/')} does not.`,
    };
  if (isTag && body.after === null) return { kind: 'ignored', why: 'A tag that is deleted starts nothing.' };
  const commits = (body.commits ?? [])
    .slice(-KEPT_COMMITS)
    .map(({ id, message }) => ({ id, message: firstWords(message) }));
  return {
    kind: 'told',
    deliveries: [
      { schemaVersion: PUSH_DELIVERY_VERSION, ref, before: body.before, after: body.after, pusher, commits },
    ],
  };
}

/** The beginning of the first line, not cut in the middle of a character. */
function firstWords(message: string): string {
  return message
    .split('\n', 1)[0]!
    .slice(0, KEPT_MESSAGE)
    .replace(/[\ud800-\udbff]$/, '');
}

/** What a pull request of any forge is reduced to. `source` and `target` are short names of branches. */
export function toPullRequestEvent(told: Omit<PullRequestDelivery, 'schemaVersion' | 'kind'>): HookEvent {
  const refs = [told.ref, `refs/heads/${told.source}`, `refs/heads/${told.target}`];
  if (refs.some((ref) => fullRefName(ref) === undefined))
    return {
      kind: 'ignored',
      why: 'The pull request names a branch that Sluice does not work with; nothing is planned.',
    };
  const title = firstWords(told.title);
  return {
    kind: 'told',
    deliveries: [{ ...told, title, schemaVersion: PULL_REQUEST_DELIVERY_VERSION, kind: 'pull_request' }],
  };
}

export function ignoredEvent(name: string): HookEvent {
  return { kind: 'ignored', why: `Events of the kind ${name} start nothing here.` };
}

export function malformed(error: z.ZodError): HookEvent {
  const [issue] = error.issues;
  const path = issue?.path.join('.') ?? '';
  return {
    kind: 'malformed',
    problem: `The payload is not as it should be${path === '' ? '' : ` at ${path}`}: ${issue?.message ?? 'unknown form'}.`,
  };
}
