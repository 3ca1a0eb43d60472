import { JobRefused } from '../executor.port.ts';

/**
 * How a step runs, in the container or on the host, so that its output and its end outlive the runner's process. Arguments: a path that is the
 * step's own, the most bytes that are kept in blocks of 512, the step's text.
 *
 * The first line makes the step begin once, whoever asks how often: `noclobber` creates a file or fails. The output goes through a pipe to
 * `tee`, which passes it on and keeps a copy; behind the last byte comes the mark with the exit code, in both. A process of the step that
 * stays in the background keeps the pipe, but nobody waits for it. `tee` survives the SIGTERM that ends a step, a copy that is full, and a runner that reads no more.
 * An image without these tools gets the plain command: that step cannot be found again. No variable is set, because those of the
 * job are exported and the step would see it.
 */
export const STEP_SCRIPT = `
if ! (set -C; echo "$$" >"$1.began") 2>/dev/null; then echo "$1 taken"; exit 0; fi
has() { command -v "$1" >/dev/null 2>&1; }
if has tee && has mkfifo && has cat && mkfifo "$1.pipe" 2>/dev/null; then
  (trap '' 1 2 13 15 25; ulimit -f "$2"; exec tee -a "$1.out" <"$1.pipe" 2>/dev/null) &
  exec 3>"$1.pipe"
  trap : 15
  sh -e -c "$3" >&3 2>&1 3>&-
  set -- "$1" "$?"
  echo "$1 ended $2" >&3
  exit "$2"
fi
exec sh -e -c "$3"
`;

/** Linux takes no single argument above 128 KiB. */
const LONGEST_STEP_BYTES = 128 * 1024 - 1;
const COPY_BLOCK_BYTES = 512;

/** What `sh` is given to run a step; `at` is where it leaves what outlives this process. */
export function stepArguments(run: string, at: string, maxLogBytes: number): string[] {
  if (Buffer.byteLength(run) > LONGEST_STEP_BYTES)
    throw new JobRefused(
      'step-too-long',
      'The text of a step has more than 128 KiB: put it into a file of the repository.',
    );
  // What the log has no room for need not be kept either.
  return ['-c', STEP_SCRIPT, 'step', at, String(Math.ceil(maxLogBytes / COPY_BLOCK_BYTES)), run];
}

/** Prints the copy of a step from its first byte and then what is added to it, until the step has ended. Exit code 3: there is no copy. */
export const FOLLOW_SCRIPT = `
trap '' 1 2 15
while [ ! -e "$1.out" ] && [ $# -lt 50 ]; do set -- "$@" again; sleep 0.1 2>/dev/null || sleep 1; done
[ -e "$1.out" ] || exit 3
exec 3<"$1.out"
read -r pid <"$1.began"
while kill -0 "$pid" 2>/dev/null; do cat <&3; sleep 0.1 2>/dev/null || sleep 1; done
sleep 0.3 2>/dev/null || sleep 1
cat <&3
`;
