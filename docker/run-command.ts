import { execFile } from 'node:child_process';

export interface CommandEnd {
  /** It could not be started, or its exit code is not 0. */
  readonly failed: boolean;
  /** Without the white space at its end. */
  readonly stdout: string;
  /** Both outputs, one after the other. */
  readonly all: string;
}

export interface CommandOptions {
  /** Beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs a program without a shell and resolves when it has ended, however that was. */
export function tryCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandEnd> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      { ...options, env: { ...process.env, ...options.env }, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const all = [stdout.trimEnd(), stderr.trimEnd(), child.pid === undefined ? (error?.message ?? '') : ''];
        resolve({ failed: error !== null, stdout: stdout.trimEnd(), all: all.filter(Boolean).join('\n') });
      },
    );
    child.stdin?.end();
  });
}

/** As `tryCommand`; a failure is thrown with the end of what the program said. Resolves with its standard output. */
export async function runCommand(program: string, args: readonly string[], options?: CommandOptions): Promise<string> {
  const { failed, stdout, all } = await tryCommand(program, args, options);
  if (failed) throw new Error(`${program} ${args.slice(0, 2).join(' ')} failed: ${all.slice(-4000)}`);
  return stdout;
}
