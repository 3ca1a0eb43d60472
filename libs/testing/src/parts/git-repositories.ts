import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';

/** Lower-case letters, digits, `-`, `_` and `.`, beginning with a letter or digit: nothing that could leave the folder or look like an option. */
const REPOSITORY_NAME = /^[a-z0-9](?:[a-z0-9_-]|\.(?!\.|git$|lock$)){0,62}$/;

export function isRepositoryName(name: string): boolean {
  return REPOSITORY_NAME.test(name) && !name.endsWith('.');
}

export interface RepositoryHook {
  /** Where pushes are announced, e.g. `http://127.0.0.1:4000/hooks/...`. */
  readonly hookUrl: string;
  /** Key of the signature; kept in the repository's configuration, readable by its owner only. */
  readonly hookSecret: string;
}

/** Environment of every git process here: no settings of this machine or user, and no questions asked. */
export function gitEnvironment(home: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: home,
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    // Folders kept from an earlier start may belong to another user of this machine.
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'safe.directory',
    GIT_CONFIG_VALUE_0: '*',
  };
}

/** Makes the bare repository (HEAD on main), or renews the hook of the one that is there. Returns its folder. */
export async function makeBareRepository(root: string, name: string, hook?: RepositoryHook): Promise<string> {
  if (!isRepositoryName(name)) {
    throw new TypeError(
      `${JSON.stringify(name)} is no repository name: use a-z, 0-9, "-", "_" and single dots, beginning with a letter or digit, at most 63 long.`,
    );
  }
  const folder = join(root, `${name}.git`);
  const env = gitEnvironment(root);
  const options = { env, extendEnv: false, stdin: 'ignore' } as const;
  if (!existsSync(join(folder, 'HEAD'))) {
    mkdirSync(root, { recursive: true });
    await execa('git', ['init', '--quiet', '--bare', '--template=', '--initial-branch=main', '--', folder], options);
  }
  if (hook === undefined) return folder;
  const config = join(folder, 'config');
  chmodSync(config, 0o600);
  for (const [key, value] of [
    ['repository', name],
    ['hookUrl', hook.hookUrl],
    ['hookSecret', hook.hookSecret],
  ] as const) {
    await execa('git', ['config', '--file', config, `sluice.${key}`, value], options);
  }
  writeHook(join(folder, 'hooks'));
  return folder;
}

/** Descriptor at which the git host listens to the hook; every git process between them inherits it. */
export const HOOK_CHANNEL = 3;

/** Built-ins of the shell alone: a push waits for it, and a program of its own would be the longest part of a small push. */
const HOOK = `#!/bin/sh
# Tells the git host which refs were pushed and shows its answer; a push never fails because of it.
if ! { while IFS= read -r ref; do printf '%s\\n' "$ref"; done; echo; } 2>/dev/null >&${HOOK_CHANNEL}; then
  echo "sluice: the push was not announced: it did not come through the git host"
  exit 0
fi
while IFS= read -r line; do printf '%s\\n' "$line"; done <&${HOOK_CHANNEL}
exit 0
`;

function writeHook(hooks: string): void {
  mkdirSync(hooks, { recursive: true });
  writeFileSync(join(hooks, 'post-receive'), HOOK, { mode: 0o755 });
  chmodSync(join(hooks, 'post-receive'), 0o755);
}
