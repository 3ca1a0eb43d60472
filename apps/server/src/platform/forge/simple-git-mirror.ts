import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { simpleGit, type SimpleGit } from 'simple-git';
import {
  checkRepositoryUrl,
  fullRefName,
  gitEnvironment,
  GitObjectReader,
  KeyedLock,
  type GitAccess,
} from '@sluice/git';
import { failpoint } from '../failpoints/failpoints.ts';
import { Problem } from '../http/problem.ts';
import { resolvePublicAddresses, type Lookup } from '../http/public-address.ts';
import {
  CommitMissingError,
  GitMirror,
  RepositoryUnreachableError,
  UnreadableFileError,
  type CommitAuthors,
  type CommitInfo,
  type DiffSummary,
  type MirrorRepository,
} from './git-mirror.port.ts';
import { parseCommit, parseTree, type ParsedCommit } from './git-objects.ts';

const FETCH_OPTIONS = ['--no-tags', '--no-write-fetch-head', '--no-recurse-submodules'];
const MAX_FILE_BYTES = 1024 * 1024;
const FETCH_TIMEOUT_MS = 120_000;
const MAX_TREE_BYTES = 16 * 1024 * 1024;
const SEEN_LIMIT = 10_000;
/** Readers that are kept, oldest out; an idle one has no process. */
const READER_LIMIT = 200;
const MIRROR_NAME = /^[0-9a-f]{40}\.git$/;
const NEW_MS = 86_400_000;
const COMMIT_ID = /^[0-9a-f]{40}([0-9a-f]{24})?$/;
/** Fields end with NUL, the one sign that neither a name nor a message can hold. */
const COMMIT_FORMAT = '%H%x00%s%x00%an%x00%ae%x00%aI%x00';
const AUTHOR_FORMAT = '%H%x00%ae%x00%(trailers:key=Co-authored-by,valueonly,separator=%x0A)%x00';
/** The settings in `gitEnvironment` are ours and harden git; simple-git refuses them unless told. */
const OUR_SETTINGS = {
  allowUnsafeTemplateDir: true,
  allowUnsafeConfigPaths: true,
  allowUnsafeConfigEnvCount: true,
  allowUnsafeHooksPath: true,
  allowUnsafeFsMonitor: true,
  allowUnsafeAskPass: true,
  allowUnsafeCredentialHelper: true,
  allowUnsafeProtocolOverride: true,
  allowUnsafeSshCommand: true,
};

export interface MirrorSettings {
  readonly folder: string;
  /** Exact origins, `http:` or `https:`, that may lie outside of the public internet. */
  readonly allowedOrigins: readonly string[];
  /** All addresses of a host; the system's name service when left out. */
  readonly lookup?: Lookup;
}

/** Bare mirrors below one folder, read and fetched with simple-git under a hardened environment (A19-A32). */
export class SimpleGitMirror extends GitMirror {
  readonly #settings: MirrorSettings;
  readonly #locks = new KeyedLock();
  /** Commits found once: a mirror is never pruned, so they stay. */
  readonly #seen = new Map<string, ParsedCommit>();
  readonly #readers = new Map<string, GitObjectReader>();
  /** Folders that this process has fetched into. */
  readonly #entered = new Set<string>();
  readonly #fetching = new Map<string, Promise<void>>();
  constructor(settings: MirrorSettings) {
    super();
    this.#settings = settings;
  }

  override async fetch(repository: MirrorRepository): Promise<void> {
    const access = await this.#mayReach(repository);
    // A fetch that began before the push we were told of may have missed it: wait for it, then fetch again.
    const running = this.#fetching.get(repository.id);
    if (running) await running.catch(() => undefined);
    const shared = this.#fetching.get(repository.id);
    if (shared) return shared;
    const mine = this.#locks
      .hold(repository.id, () => this.#fetchNow(repository, access, ['+refs/heads/*:refs/heads/*']))
      .finally(() => this.#fetching.delete(repository.id));
    this.#fetching.set(repository.id, mine);
    return mine;
  }

  override async fetchRef(repository: MirrorRepository, ref: string): Promise<'fetched' | 'absent'> {
    const full = fullRefName(ref);
    if (full === undefined) return 'absent';
    const access = await this.#mayReach(repository);
    try {
      await this.#locks.hold(repository.id, () => this.#fetchNow(repository, access, [`+${full}:${full}`]));
      return 'fetched';
    } catch (error) {
      if (error instanceof RepositoryUnreachableError && /couldn't find remote ref/.test(error.message))
        return 'absent';
      throw error;
    }
  }

  override async remoteHeads(repository: MirrorRepository): Promise<ReadonlyMap<string, string>> {
    const access = await this.#mayReach(repository);
    const home = join(this.#settings.folder, 'home');
    await mkdir(join(home, 'ssh'), { recursive: true, mode: 0o700 });
    const text = await this.#remote(home, access, ['ls-remote', '--heads', '--', repository.url]);
    const lines = text.split('\n').map((line) => line.split('\t'));
    return new Map(
      lines.flatMap(([commit = '', ref = '']): [string, string][] => {
        const full = fullRefName(ref);
        return full !== undefined && COMMIT_ID.test(commit) ? [[full, commit]] : [];
      }),
    );
  }

  /** Throws RepositoryUnreachableError. Other hosts than allowed ones are resolved once, and git is held to what was looked at (A22, A23). */
  async #mayReach(repository: MirrorRepository): Promise<GitAccess> {
    const { allowedOrigins, lookup } = this.#settings;
    const checked = checkRepositoryUrl(repository.url, allowedOrigins);
    if (!checked.ok) throw new RepositoryUnreachableError(checked.problem);
    const { url, transport } = checked;
    const access = { transport, origin: url.origin, credential: repository.credential };
    if (allowedOrigins.includes(url.origin)) return access;
    try {
      return {
        ...access,
        pinned: {
          host: url.hostname,
          port: portOf(url),
          addresses: await resolvePublicAddresses(url.hostname, lookup),
        },
      };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      throw new RepositoryUnreachableError(error.message, { cause: error });
    }
  }

  async #fetchNow(repository: MirrorRepository, access: GitAccess, refspecs: readonly string[]): Promise<void> {
    const folder = this.#folder(repository);
    await mkdir(join(this.#settings.folder, 'home', 'ssh'), { recursive: true, mode: 0o700 });
    if (!existsSync(join(folder, 'HEAD'))) {
      await mkdir(folder, { recursive: true });
      await this.#git(folder).raw(['init', '--quiet', '--bare', '--template=', '.']);
    }
    if (!this.#entered.has(folder)) await removeLeftLocks(folder);
    this.#entered.add(folder);
    await failpoint('mirror:before-fetch');
    await this.#remote(folder, access, [
      'fetch',
      // Not quiet: simple-git lets 50 ms pass for the output of a program that has said nothing.
      '--prune',
      ...FETCH_OPTIONS,
      '--',
      repository.url,
      ...refspecs,
    ]);
  }

  async #remote(folder: string, access: GitAccess, args: string[]): Promise<string> {
    try {
      return await this.#git(folder, access).raw(args);
    } catch (error) {
      throw new RepositoryUnreachableError(`The repository could not be fetched: ${lastWords(error as Error)}`, {
        cause: error,
      });
    }
  }

  override async resolve(repository: MirrorRepository, ref: string): Promise<string | null> {
    const full = fullRefName(ref);
    if (full === undefined) return null;
    const found = await this.#read(repository, `${full}^{commit}`);
    return found?.type === 'commit' ? found.id : null;
  }

  override async commitOf(repository: MirrorRepository, id: string): Promise<string | null> {
    if (!COMMIT_ID.test(id)) return null;
    const found = await this.#read(repository, `${id}^{commit}`);
    return found?.type === 'commit' ? found.id : null;
  }

  override async readFile(repository: MirrorRepository, commit: string, path: string): Promise<string | null> {
    await this.#requireCommit(repository, commit);
    const folder = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    const tree = await this.#read(
      repository,
      folder === '' ? `${commit}^{tree}` : `${commit}:${folder}`,
      MAX_TREE_BYTES,
    );
    if (tree?.type !== 'tree') return null;
    if (tree.content === undefined)
      throw new UnreadableFileError(`The folder of ${path} has too many files to be read.`);
    const name = path.slice(path.lastIndexOf('/') + 1);
    const entry = parseTree(tree.content, commit.length / 2).find((one) => one.name === name);
    if (!entry) return null;
    if (entry.mode !== '100644' && entry.mode !== '100755') {
      throw new UnreadableFileError(
        `${path} is no regular file at this commit (mode ${entry.mode}); replace the link by the file itself.`,
      );
    }
    const file = await this.#read(repository, entry.id, MAX_FILE_BYTES);
    if (file === null) throw new Error(`${path} is in the tree of ${commit.slice(0, 12)}, and its content is missing`);
    if (file.content === undefined) throw new UnreadableFileError(`${path} is larger than 1 MiB.`);
    return file.content.toString();
  }

  override async commit(repository: MirrorRepository, commit: string): Promise<CommitInfo> {
    const { message, author, authorEmail, at } = await this.#requireCommit(repository, commit);
    return { sha: commit, message, author, authorEmail, at };
  }

  override async commitsBetween(
    repository: MirrorRepository,
    from: string | null,
    to: string,
    limit: number,
  ): Promise<{ commits: CommitInfo[]; cut: boolean }> {
    await this.#requireCommit(repository, to);
    const known = from !== null && (await this.#has(repository, from));
    const range = known ? [`${from}..${to}`] : ['-1', to];
    const text = await this.#git(this.#folder(repository)).raw([
      'log',
      `--max-count=${known ? limit + 1 : 1}`,
      `--format=${COMMIT_FORMAT}`,
      ...range,
      '--',
    ]);
    const commits = parseCommits(text);
    return { commits: commits.slice(0, limit), cut: commits.length > limit };
  }

  override async authorsBetween(
    repository: MirrorRepository,
    from: string | null,
    to: string,
  ): Promise<CommitAuthors[]> {
    await this.#requireCommit(repository, to);
    const known = from !== null && (await this.#has(repository, from));
    const text = await this.#git(this.#folder(repository)).raw([
      'log',
      `--format=${AUTHOR_FORMAT}`,
      known ? `${from}..${to}` : to,
      '--',
    ]);
    return records(text, 3).map(([sha, author, coAuthors]) => ({
      sha: sha!,
      emails: [author!, ...[...coAuthors!.matchAll(/<([^<>\n]+)>/g)].map(([, email]) => email!)],
    }));
  }

  override async changedPaths(repository: MirrorRepository, from: string | null, to: string): Promise<string[] | null> {
    await this.#requireCommit(repository, to);
    if (from === null || !(await this.#has(repository, from))) return null;
    const text = await this.#git(this.#folder(repository)).raw([
      'diff',
      '--name-only',
      '--no-renames',
      '-z',
      from,
      to,
      '--',
    ]);
    return text.split('\0').filter((path) => path !== '');
  }

  override async diffSummary(repository: MirrorRepository, from: string, to: string): Promise<DiffSummary> {
    await this.#requireCommit(repository, to);
    if (!(await this.#has(repository, from))) return { files: 0, insertions: 0, deletions: 0 };
    const { changed, insertions, deletions } = await this.#git(this.#folder(repository)).diffSummary([from, to, '--']);
    return { files: changed, insertions, deletions };
  }

  override async contains(repository: MirrorRepository, ref: string, commit: string): Promise<boolean> {
    const full = fullRefName(ref);
    if (full === undefined || !(await this.#has(repository, commit))) return false;
    const head = await this.resolve(repository, full);
    if (head === null) return false;
    return (await this.#try(repository, ['merge-base', '--is-ancestor', commit, head])) !== null;
  }

  override async mergeBase(repository: MirrorRepository, one: string, other: string): Promise<string | null> {
    const [from, to] = [await this.#find(repository, one), await this.#find(repository, other)];
    if (!from || !to) return null;
    // What nearly every push is: a commit on top of the one before.
    if (one === other || to.parents.includes(one)) return one;
    return (await this.#try(repository, ['merge-base', one, other]))?.trim() ?? null;
  }

  override async removeOthers(connected: readonly Pick<MirrorRepository, 'id' | 'url'>[]): Promise<number> {
    const wanted = new Set(connected.map((repository) => this.#folder(repository)));
    const { folder } = this.#settings;
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    let removed = 0;
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (!entry.isDirectory() || !MIRROR_NAME.test(entry.name) || wanted.has(path)) continue;
      // A repository is read once before it is connected; its row comes after its mirror.
      if (Date.now() - (await stat(path)).mtimeMs < NEW_MS) continue;
      await rm(path, { recursive: true, force: true });
      this.#entered.delete(path);
      this.#readers.delete(path);
      removed += 1;
    }
    return removed;
  }

  #folder(repository: Pick<MirrorRepository, 'id' | 'url'>): string {
    return join(
      this.#settings.folder,
      `${createHash('sha256').update(`${repository.id} ${repository.url}`).digest('hex').slice(0, 40)}.git`,
    );
  }

  #git(folder: string, access?: GitAccess): SimpleGit {
    const env = gitEnvironment(join(this.#settings.folder, 'home'), access);
    return simpleGit({
      baseDir: folder,
      timeout: { block: FETCH_TIMEOUT_MS },
      unsafe: OUR_SETTINGS,
      allowEnvironment: Object.keys(env),
      errors: failedByExitCode,
    }).env(env);
  }

  async #try(repository: MirrorRepository, args: string[]): Promise<string | null> {
    const folder = this.#folder(repository);
    if (!existsSync(join(folder, 'HEAD'))) return null;
    try {
      return await this.#git(folder).raw(args);
    } catch {
      return null;
    }
  }

  #read(repository: MirrorRepository, name: string, most = MAX_FILE_BYTES): ReturnType<GitObjectReader['read']> {
    const folder = this.#folder(repository);
    if (!existsSync(join(folder, 'HEAD'))) return Promise.resolve(null);
    const env = gitEnvironment(join(this.#settings.folder, 'home'));
    const reader = this.#readers.get(folder) ?? new GitObjectReader({ cwd: folder, env });
    this.#readers.delete(folder);
    this.#readers.set(folder, reader);
    if (this.#readers.size > READER_LIMIT) this.#readers.delete(this.#readers.keys().next().value!);
    return reader.read(name, most);
  }

  async #find(repository: MirrorRepository, commit: string): Promise<ParsedCommit | null> {
    if (!COMMIT_ID.test(commit)) return null;
    const key = `${this.#folder(repository)} ${commit}`;
    const seen = this.#seen.get(key);
    if (seen) return seen;
    const found = await this.#read(repository, commit);
    if (found?.type !== 'commit' || found.id !== commit) return null;
    if (found.content === undefined) throw new Error(`Commit ${commit.slice(0, 12)} is larger than 1 MiB.`);
    const parsed = parseCommit(found.content);
    if (this.#seen.size >= SEEN_LIMIT) this.#seen.clear();
    this.#seen.set(key, parsed);
    return parsed;
  }

  async #has(repository: MirrorRepository, commit: string): Promise<boolean> {
    return (await this.#find(repository, commit)) !== null;
  }

  async #requireCommit(repository: MirrorRepository, commit: string): Promise<ParsedCommit> {
    const found = await this.#find(repository, commit);
    if (found === null) throw commitMissing(commit);
    return found;
  }
}

function commitMissing(commit: string): CommitMissingError {
  return new CommitMissingError(`Commit ${commit.slice(0, 12)} is not in the repository.`);
}

/**
 * A git that was killed leaves its lock files, and every later fetch would stumble over them. A folder of mirrors belongs
 * to one server, so before its first fetch nobody can be holding one.
 */
async function removeLeftLocks(folder: string): Promise<void> {
  const root = await readdir(folder);
  const refs = await readdir(join(folder, 'refs'), { recursive: true });
  const left = [...root, ...refs.map((name) => join('refs', name))].filter((name) => name.endsWith('.lock'));
  await Promise.all(left.map((name) => rm(join(folder, name), { force: true })));
}

/** simple-git counts a failure without a word on stderr as success; `merge-base --is-ancestor` says no in just that way. */
function failedByExitCode(
  error: Buffer | Error | undefined,
  { exitCode, stdErr, stdOut }: { exitCode: number; stdErr: Buffer[]; stdOut: Buffer[] },
): Buffer | Error | undefined {
  if (error !== undefined || exitCode === 0) return error;
  const said = Buffer.concat([...stdErr, ...stdOut])
    .toString('utf8')
    .trim();
  return new Error(said || `git ended with exit code ${exitCode}`);
}

function portOf(url: URL): number {
  return url.port === '' ? ({ 'https:': 443, 'http:': 80 }[url.protocol] ?? 22) : Number(url.port);
}

/** The lines in which git says what was wrong; credentials are in none of them, as they travel in headers only. */
function lastWords(error: Error): string {
  const lines = error.message.trim().split('\n');
  const telling = lines.filter((line) => /^(fatal|error|remote): /.test(line));
  return (telling.length > 0 ? telling : lines).slice(-2).join(' ').slice(0, 500) || 'git gave no reason';
}

function parseCommits(text: string): CommitInfo[] {
  return records(text, 5).map(([sha, message, author, authorEmail, at]) => ({
    sha: sha!,
    message: message!,
    author: author!,
    authorEmail: authorEmail!,
    at: timeOf(at!),
  }));
}

/** Each record ends with a NUL and the line break that `git log` adds. */
function records(text: string, fields: number): string[][] {
  const parts = text.split('\0').slice(0, -1);
  return Array.from({ length: Math.floor(parts.length / fields) }, (_, index) => {
    const [sha, ...rest] = parts.slice(index * fields, (index + 1) * fields);
    return [sha!.trim(), ...rest];
  });
}

/** Anyone may write any date into a commit, also one that is none. */
function timeOf(text: string): string {
  const at = new Date(text);
  return (Number.isNaN(at.getTime()) ? new Date(0) : at).toISOString();
}
