import { createHmac, randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { execa } from 'execa';

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
export async function describePush(
  gitDir: string,
  repository: string,
  pusher: string,
  moved: PushedRef,
): Promise<PushPayload> {
  const { ref, before, after } = moved;
  return {
    ref,
    before,
    after,
    repository: { name: repository },
    pusher: { name: pusher },
    commits: await commitsOf(gitDir, moved),
  };
}

async function commitsOf(gitDir: string, { before, after, ref }: PushedRef): Promise<PushedCommit[]> {
  if (ABSENT.test(after)) return [];
  const known = ABSENT.test(before) ? [`--exclude=${ref}`, '--glob=refs/*'] : [before];
  const fresh = await readCommits(gitDir, [`--max-count=${MAX_COMMITS}`, after, '--not', ...known]);
  // A new branch on a known commit brings nothing new, and yet its head is what a run would be made of.
  return fresh.length > 0 ? fresh : readCommits(gitDir, ['--max-count=1', after]);
}

/** Oldest first, in one git process however many there are. */
async function readCommits(gitDir: string, revisions: readonly string[]): Promise<PushedCommit[]> {
  // No author can know it, so no message can hold it.
  const boundary = randomUUID();
  const text = await git(gitDir, [
    '-c',
    'log.showRoot=true',
    'log',
    '--topo-order',
    '--encoding=UTF-8',
    '--no-renames',
    '--name-status',
    '--diff-merges=first-parent',
    '-z',
    `--format=${boundary}%H%x00%an%x00%ae%x00%B%x00`,
    ...revisions,
    '--',
  ]);
  return text.split(boundary).slice(1).map(parseCommit).reverse();
}

function parseCommit(text: string): PushedCommit {
  const [id = '', name = '', email = '', message = '', ...changes] = text.split('\0');
  const files: Record<'A' | 'M' | 'D', string[]> = { A: [], M: [], D: [] };
  const first = changes.findIndex((part) => /^\n?[A-Z]$/.test(part));
  for (let at = first; first >= 0 && at + 1 < changes.length; at += 2) {
    const kind = changes[at]?.trim();
    if (kind === '') break;
    files[kind === 'A' || kind === 'D' ? kind : 'M'].push(changes[at + 1] ?? '');
  }
  return {
    id,
    message: message.trimEnd(),
    author: { name, email },
    added: files.A,
    modified: files.M,
    removed: files.D,
  };
}

async function git(gitDir: string, args: readonly string[]): Promise<string> {
  const { stdout } = await execa('git', ['--git-dir', gitDir, ...args], {
    stdin: 'ignore',
    stripFinalNewline: false,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
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

/**
 * The git host's end of the post-receive hook: reads the pushed refs up to an empty line, announces each, and answers with one line
 * for each to the person who pushes. The hook itself is a shell script without a process of its own, for a push waits for it.
 */
export async function answerHook(hook: Duplex, gitDir: string, pusher: string): Promise<void> {
  // The hook's process may be gone: the push went through all the same.
  hook.on('error', () => undefined);
  const moved: PushedRef[] = [];
  for await (const line of createInterface({ input: hook })) {
    if (line === '') break;
    const [before = '', after = '', ref = ''] = line.split(' ');
    moved.push({ before, after, ref });
  }
  for (const one of moved) hook.write(`sluice: ${await announce(gitDir, pusher, one)}\n`);
  hook.end();
}

async function announce(gitDir: string, pusher: string, moved: PushedRef): Promise<string> {
  try {
    const [settings, describe] = await Promise.all([readSettings(gitDir), describePush(gitDir, '', pusher, moved)]);
    const payload = { ...describe, repository: { name: settings['sluice.repository'] ?? '' } };
    const { 'sluice.hookurl': url = '', 'sluice.hooksecret': secret = '' } = settings;
    return await deliverPush(pushRequest(url, secret, payload, randomUUID()));
  } catch (error) {
    return `the push of ${moved.ref} was not announced: ${String((error as Error).message).split('\n')[0]}`;
  }
}

/** The repository's own git configuration; git writes the names in lower case. */
async function readSettings(gitDir: string): Promise<Record<string, string>> {
  const text = await git(gitDir, ['config', '--local', '--null', '--get-regexp', '^sluice\\.']);
  return Object.fromEntries(
    text
      .split('\0')
      .filter((entry) => entry !== '')
      .map((entry) => [entry.slice(0, entry.indexOf('\n')), entry.slice(entry.indexOf('\n') + 1)]),
  );
}
