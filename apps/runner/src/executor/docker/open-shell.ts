import type { Duplex } from 'node:stream';
import { once } from 'node:events';
import type Docker from 'dockerode';
import type { Shell, ShellPlan } from '../executor.port.ts';
import { toTrouble } from './engine-trouble.ts';
import { runQuietly } from './run-in-container.ts';

export interface ContainerShell extends ShellPlan {
  readonly workingDir: string;
  /** Where the shell leaves its process id; its own in the container. */
  readonly at: string;
}

/** The better shell that the image has. It keeps the process id of this script. */
const SHELL_SCRIPT = `
echo "$$" >"$1"
if command -v bash >/dev/null 2>&1; then exec bash; fi
exec sh
`;
/** A shell hangs up as when a terminal is closed; one that does not mind is killed after two seconds. */
const END_SCRIPT = `
read -r pid <"$1" || exit 0
kill -s HUP "$pid" 2>/dev/null
set -- "$pid"
while kill -0 "$1" 2>/dev/null && [ $# -lt 20 ]; do set -- "$@" again; sleep 0.1 2>/dev/null || sleep 1; done
kill -s KILL "$1" 2>/dev/null
exit 0
`;

/** One more exec in the job's container, on a terminal of its own. Closing an exec would leave its processes running, so its end is asked for inside. */
export async function openShell(
  container: Docker.Container,
  { env, workingDir, at, columns, rows }: ContainerShell,
): Promise<Shell> {
  let exec: Docker.Exec;
  let stream: Duplex;
  try {
    exec = await container.exec({
      Cmd: ['sh', '-c', SHELL_SCRIPT, 'shell', at],
      Env: Object.entries({ ...env, TERM: 'xterm-256color' }).map(([name, value]) => `${name}=${value}`),
      WorkingDir: workingDir,
      Tty: true,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
    });
    stream = await exec.start({ hijack: true, stdin: true, Tty: true });
  } catch (error) {
    throw toTrouble(error, 'open a shell');
  }
  // Nobody may be reading or writing just now; the reader learns of it by the end of the output.
  stream.on('error', () => undefined);
  const resize = async (wide: number, high: number): Promise<void> => {
    // A shell that has ended just now has no size.
    await exec.resize({ w: wide, h: high }).catch(() => undefined);
  };
  await resize(columns, rows);
  return {
    output: stream as AsyncIterable<Uint8Array>,
    write: async (text) => {
      if (stream.destroyed || stream.write(text)) return;
      await Promise.race([once(stream, 'drain'), once(stream, 'close')]).catch(() => undefined);
    },
    resize,
    end: async () => {
      await runQuietly(container, ['sh', '-c', END_SCRIPT, 'end', at]).catch(() => undefined);
      stream.destroy();
    },
  };
}
