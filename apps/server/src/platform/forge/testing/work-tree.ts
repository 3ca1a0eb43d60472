import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';

export interface WorkTree {
  readonly folder: string;
  /** Runs git and gives what it printed, without the last line break. */
  git(...args: string[]): Promise<string>;
  /** Writes the files, commits everything and gives the full sha. */
  commit(message: string, files?: Readonly<Record<string, string>>): Promise<string>;
}

/**
 * A work tree for a spec. Every call is asynchronous on purpose: the git host of the tests answers in this same process,
 * so a push that blocked the event loop would wait for itself for ever.
 */
export async function makeWorkTree(
  folder: string,
  author = { name: 'Ada', email: 'ada@example.com' },
): Promise<WorkTree> {
  mkdirSync(folder, { recursive: true });
  const env = {
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    LC_ALL: 'C.UTF-8',
    GIT_AUTHOR_NAME: author.name,
    GIT_AUTHOR_EMAIL: author.email,
    GIT_COMMITTER_NAME: author.name,
    GIT_COMMITTER_EMAIL: author.email,
  };
  const git = async (...args: string[]) => (await execa('git', args, { cwd: folder, stdin: 'ignore', env })).stdout;
  await git('init', '--quiet', '--initial-branch=main');
  return {
    folder,
    git,
    commit: async (message, files = {}) => {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), text);
      }
      await git('add', '--all');
      await git('commit', '--quiet', '--allow-empty', '-m', message);
      return git('rev-parse', 'HEAD');
    },
  };
}
