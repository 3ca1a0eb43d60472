import type { PlannedJob } from './plan.ts';
import type { Reason } from './run.ts';

/** Longest value of an output in bytes of UTF-8. */
export const MAX_OUTPUT_BYTES = 4096;

type JudgedOutputs =
  | { readonly status: 'passed'; readonly outputs?: Readonly<Record<string, string>> }
  | { readonly status: 'failed' | 'errored'; readonly reason: Reason };

/**
 * A job passes only with all of its declared outputs, so whoever reads one can rely on it. The runner refuses names that
 * are not declared and values that are too long, so meeting one here is trouble of ours.
 */
export function judgeOutputs(
  { outputs: declared }: PlannedJob,
  written: Readonly<Record<string, string>>,
): JudgedOutputs {
  const foreign = Object.keys(written).find((name) => !declared.includes(name));
  if (foreign !== undefined)
    return bad('errored', 'bad-outputs', 'The runner reported an output that the job does not declare.');
  const encoder = new TextEncoder();
  if (Object.values(written).some((value) => encoder.encode(value).length > MAX_OUTPUT_BYTES)) {
    return bad('errored', 'bad-outputs', `The runner reported an output of more than ${MAX_OUTPUT_BYTES} bytes.`);
  }
  const missing = declared.find((name) => !Object.hasOwn(written, name));
  if (missing !== undefined) {
    return bad(
      'failed',
      'output-missing',
      `The job ended well but never wrote its output "${missing}"; write a line "${missing}=value" to the file $SLUICE_OUTPUT.`,
    );
  }
  return declared.length === 0 ? { status: 'passed' } : { status: 'passed', outputs: { ...written } };
}

function bad(status: 'failed' | 'errored', code: string, message: string): JudgedOutputs {
  return { status, reason: { code, message } };
}
