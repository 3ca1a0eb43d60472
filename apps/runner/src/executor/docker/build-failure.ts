import { ExecutorTrouble, JobRefused } from '../executor.port.ts';

/** What an engine says when the network or the disk is at fault, not the Dockerfile. */
const NOT_THE_USERS =
  /dial tcp|i\/o timeout|TLS handshake|connection re(fused|set)|temporary failure|no space left|unexpected EOF|Client\.Timeout|toomanyrequests|50[0-4] /i;
/** BuildKit's words for an engine that ends, and for a session that broke. */
const THE_ENGINES = /no space left|no active session|code = Unavailable|context canceled/i;
/** BuildKit tells the exit code of a step in words only. */
const EXIT_CODE = /exit code: (\d{1,3})$/;

/** Whether trying again may help. */
export function isPassingTrouble(words: string): boolean {
  return NOT_THE_USERS.test(words);
}

/** Tells the user's Dockerfile (`failed`) from an engine or a registry in trouble (`errored`). */
export function buildFailure(words: string, code?: number): Error {
  const exitCode = code ?? exitCodeIn(words);
  if (exitCode === undefined && THE_ENGINES.test(words)) {
    return new ExecutorTrouble('engine', `The image could not be built: ${words}`);
  }
  if (exitCode === undefined && isPassingTrouble(words)) {
    return new ExecutorTrouble('registry', `The image could not be built: ${words}`);
  }
  return new JobRefused('image-build', words, exitCode);
}

function exitCodeIn(words: string): number | undefined {
  const found = EXIT_CODE.exec(words.trim());
  return found === null ? undefined : Number(found[1]);
}
