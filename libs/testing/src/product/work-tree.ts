import { mkdirSync } from 'node:fs';
import { execa } from 'execa';

export interface CommitAuthor {
  readonly name: string;
  readonly email: string;
}

/** A developer's clone: real git, nothing of the machine's own settings. */
export class WorkTree {
  readonly folder: string;
  readonly #author: CommitAuthor;
  constructor(folder: string, author: CommitAuthor) {
    this.folder = folder;
    this.#author = author;
  }

  async init(): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    await this.git('init', '-q', '-b', 'main');
  }

  /** Full sha of the new commit. */
  async commitAll(message: string, author: CommitAuthor = this.#author): Promise<string> {
    await this.git('add', '-A');
    await this.git(
      '-c',
      `user.name=${author.name}`,
      '-c',
      `user.email=${author.email}`,
      'commit',
      '-q',
      '--allow-empty',
      '-m',
      message,
    );
    return this.head();
  }

  async head(): Promise<string> {
    return (await this.git('rev-parse', 'HEAD')).trim();
  }

  /** What git and the host's hook printed for the person who pushes. */
  async push(url: string, ref = 'main', ...options: string[]): Promise<string> {
    return this.git('push', ...options, url, ref);
  }

  async git(...args: string[]): Promise<string> {
    const { all } = await execa('git', args, {
      cwd: this.folder,
      all: true,
      extendEnv: false,
      env: {
        PATH: process.env['PATH'] ?? '/usr/bin:/bin',
        HOME: this.folder,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_TERMINAL_PROMPT: '0',
      },
    });
    return all ?? '';
  }
}
