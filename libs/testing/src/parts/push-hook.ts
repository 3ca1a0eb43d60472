// This file is copied as it is into the hooks folder of a bare repository, so it imports nothing but Node's own modules.
import { execFileSync } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';

/** A ref that a push moved; ids are 40 hex digits, all zeros for "did not exist". */
export interface PushedRef {
  readonly before: string;
  readonly after: string;
  readonly ref: string;
}

export interface PushedCommit {
  readonly id: string;
  readonly message: string;
  readonly author: { readonly name: string; readonly email: string };
  readonly added: readonly string[];
  readonly modified: readonly string[];
  readonly removed: readonly string[];
}

/** Body of the webhook; commits are newest last, at most 50. */
export interface PushPayload {
  readonly ref: string;
  readonly before: string;
  readonly after: string;
  readonly repository: { readonly name: string };
  /** Who the git host proved the pusher to be; `anonymous` when nobody signed in. */
  readonly pusher: { readonly name: string };
  readonly commits: readonly PushedCommit[];
}

export interface PushRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The exact bytes that were signed. */
  readonly body: string;
}

const MAX_COMMITS = 50;
const ABSENT = /^0+$/;

/** The signed webhook request of one pushed ref. */
export function pushRequest(url: string, secret: string, payload: PushPayload, delivery: string): PushRequest {
  const body = JSON.stringify(payload);
  return {
    url,
    body,
    headers: {
      'Content-Type': 'application/json',
      'X-Sluice-Event': 'push',
      'X-Sluice-Delivery': delivery,
      'X-Sluice-Signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    },
  };
}

/** What a push of `moved` brought into the bare repository at `gitDir`, read from the repository itself. */
export function describePush(gitDir: string, repository: string, pusher: string, moved: PushedRef): PushPayload {
  const { ref, before, after } = moved;
  return {
    ref,
    before,
    after,
    repository: { name: repository },
    pusher: { name: pusher },
    commits: commitsOf(gitDir, moved),
  };
}

function commitsOf(gitDir: string, { before, after, ref }: PushedRef): PushedCommit[] {
  if (ABSENT.test(after)) return [];
  const head = git(gitDir, ['rev-parse', '--verify', `${after}^{commit}`]).trim();
  const known = ABSENT.test(before) ? [`--exclude=${ref}`, '--glob=refs/*'] : [before];
  const listed = git(gitDir, ['rev-list', `--max-count=${MAX_COMMITS}`, '--topo-order', head, '--not', ...known]);
  const ids = listed.split('\n').filter(Boolean).reverse();
  // A new branch on a known commit brings nothing new, and yet its head is what a run would be made of.
  return (ids.length > 0 ? ids : [head]).map((id) => readCommit(gitDir, id));
}

function readCommit(gitDir: string, id: string): PushedCommit {
  const [name = '', email = '', ...message] = git(gitDir, [
    'log',
    '-1',
    '--no-patch',
    '--encoding=UTF-8',
    '--format=%an%x00%ae%x00%B',
    id,
  ]).split('\0');
  const changes = git(gitDir, [
    'diff-tree',
    '-r',
    '-z',
    '--root',
    '--no-commit-id',
    '--no-renames',
    '--name-status',
    '-m',
    '--first-parent',
    id,
  ]).split('\0');
  const files: Record<'A' | 'M' | 'D', string[]> = { A: [], M: [], D: [] };
  for (let i = 0; i + 1 < changes.length; i += 2) {
    const kind = changes[i];
    files[kind === 'A' || kind === 'D' ? kind : 'M'].push(changes[i + 1] ?? '');
  }
  return {
    id,
    message: message.join('').trimEnd(),
    author: { name, email },
    added: files.A,
    modified: files.M,
    removed: files.D,
  };
}

function git(gitDir: string, args: readonly string[]): string {
  return execFileSync('git', ['--git-dir', gitDir, ...args], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Sends one request and says in one line what the server answered; never throws, since a push must not fail because of us. */
export async function deliverPush({ url, headers, body }: PushRequest, timeoutMs = 10_000): Promise<string> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers,
      body,
      signal: AbortSignal.timeout(timeoutMs),
      redirect: 'error',
    });
    return summarise(answer.status, (await answer.text()).slice(0, 4_000));
  } catch (error) {
    if ((error as Error).name === 'TimeoutError') return `no answer from ${url} within ${timeoutMs / 1_000} s`;
    const { cause } = error as { cause?: Error };
    return `could not reach ${url} (${cause?.message || (error as Error).message})`;
  }
}

/** Understands `{ message }`, `{ summary }` or `{ runs: [{ service, number, url }] }`, and shows anything else as it came. */
function summarise(status: number, text: string): string {
  let lines: string[] = [];
  try {
    const answer = JSON.parse(text) as { message?: unknown; summary?: unknown; runs?: unknown };
    if (Array.isArray(answer.runs)) {
      lines = (answer.runs as { service?: string; number?: number; url?: string }[]).map((run) =>
        `run ${run.service ?? ''} #${run.number ?? '?'} ${run.url ?? ''}`.trimEnd(),
      );
    }
    const said = answer.summary ?? answer.message;
    if (lines.length === 0 && typeof said === 'string') lines = [said];
  } catch {
    // Not JSON: shown below as text.
  }
  // Control characters of a foreign answer have no business on the pusher's terminal.
  const shown = (lines.length > 0 ? lines.join('; ') : text.trim().slice(0, 300))
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .trim();
  return status < 300 ? shown || `accepted (${status})` : `refused with ${status}: ${shown}`;
}

/** Body of the post-receive hook: settings come from the repository's own git configuration, pushed refs from standard input. */
export async function runPostReceiveHook(): Promise<void> {
  const gitDir = process.env['GIT_DIR'] ?? '.';
  const setting = (key: string) => git(gitDir, ['config', '--local', '--get', key]).trimEnd();
  let input = '';
  for await (const chunk of process.stdin) input += String(chunk);
  for (const line of input.split('\n').filter(Boolean)) {
    const [before = '', after = '', ref = ''] = line.split(' ');
    try {
      const payload = describePush(gitDir, setting('sluice.repository'), process.env['REMOTE_USER'] || 'anonymous', {
        before,
        after,
        ref,
      });
      const request = pushRequest(setting('sluice.hookUrl'), setting('sluice.hookSecret'), payload, randomUUID());
      process.stdout.write(`sluice: ${await deliverPush(request)}\n`);
    } catch (error) {
      process.stdout.write(
        `sluice: the push of ${ref} was not announced: ${String((error as Error).message).split('\n')[0]}\n`,
      );
    }
  }
}
