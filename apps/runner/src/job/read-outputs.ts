import { createMasker } from '@sluice/redact';
import type { Secret } from '@sluice/redact';
import type { Sandbox } from '../executor/executor.port.ts';
import { OUTPUT_FILE } from '../executor/executor.port.ts';

const LONGEST_VALUE_BYTES = 4096;
/** All names at their longest, and each written a few times. */
const LARGEST_FILE_BYTES = 1024 * 1024;

export type ReadOutputs =
  | { readonly kind: 'written'; readonly outputs: Readonly<Record<string, string>> }
  | { readonly kind: 'refused'; readonly reason: { readonly code: string; readonly message: string } };

/**
 * What the steps have written so far: lines `name=value`, the last line of a name counts. Refused, and the job has failed: a name
 * that is not declared, a value that is too long or no text, and a value that holds a secret in any form the log would hide, because an
 * output travels to jobs that were not given that secret.
 */
export async function readOutputs(
  sandbox: Pick<Sandbox, 'readFiles'>,
  declared: readonly string[],
  secrets: readonly Secret[],
): Promise<ReadOutputs> {
  const limits = { maxFiles: 1, maxBytes: LARGEST_FILE_BYTES };
  const written = new Map<string, string>();
  for await (const { text } of sandbox.readFiles([OUTPUT_FILE], limits)) {
    if (text === undefined)
      return refused('output-too-long', `The file $SLUICE_OUTPUT has more than ${LARGEST_FILE_BYTES} bytes.`);
    for (const [index, line] of text.split(/\r?\n/).entries()) {
      if (line === '') continue;
      const equals = line.indexOf('=');
      const name = line.slice(0, Math.max(0, equals));
      if (!declared.includes(name)) {
        const known = declared.map((one) => `\`${one}\``).join(', ');
        const what = equals === -1 ? 'is not `name=value`' : 'names an output that the job does not declare';
        return refused('output-unknown', `Line ${index + 1} of $SLUICE_OUTPUT ${what}; the job declares ${known}.`);
      }
      written.set(name, line.slice(equals + 1));
    }
  }
  for (const [name, value] of written) {
    if (Buffer.byteLength(value) > LONGEST_VALUE_BYTES)
      return refused('output-too-long', `The output "${name}" has more than ${LONGEST_VALUE_BYTES} bytes.`);
    if (value.includes('\0'))
      return refused('output-not-text', `The output "${name}" holds a NUL byte; write text, encoded where it is not.`);
    if (holdsSecret(value, secrets))
      return refused(
        'output-holds-secret',
        `The output "${name}" holds a secret of the job; give the secret to the job that needs it instead.`,
      );
  }
  return { kind: 'written', outputs: Object.fromEntries(written) };
}

/** In any form that the log would hide. */
export function holdsSecret(value: string, secrets: readonly Secret[]): boolean {
  if (secrets.length === 0) return false;
  const masker = createMasker(secrets);
  const bytes = Buffer.from(value);
  return !Buffer.concat([masker.push(bytes), masker.end()]).equals(bytes);
}

function refused(code: string, message: string): ReadOutputs {
  return { kind: 'refused', reason: { code, message } };
}
