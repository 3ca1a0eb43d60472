import type { Secret } from '@sluice/redact';
import type { Sandbox, StepsWork } from '../executor/executor.port.ts';
import { inWords } from '../files/size-in-words.ts';
import type { Outcome } from './attempt-outcome.ts';
import { holdsSecret } from './read-outputs.ts';

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const NO_TEXT = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffd]/;

/**
 * The jobs that the steps wrote, as text; the server checks them. The plan of a run is shown to whoever may see the run,
 * so a file that holds a secret goes nowhere.
 */
export async function readGenerated(
  sandbox: Pick<Sandbox, 'readFiles'>,
  { file, maxBytes }: NonNullable<StepsWork['generate']>,
  secrets: readonly Secret[],
): Promise<Outcome & { readonly generated?: string }> {
  for await (const { text } of sandbox.readFiles([file], { maxFiles: 1, maxBytes })) {
    if (text === undefined)
      return refused(
        'generated-too-large',
        `${file} has more than ${inWords(maxBytes)}; generate fewer or shorter jobs.`,
      );
    if (NO_TEXT.test(text))
      return refused(
        'generated-not-text',
        `${file} holds what is no text; write YAML in UTF-8, without control characters.`,
      );
    if (holdsSecret(text, secrets))
      return refused(
        'generated-holds-secret',
        `${file} holds a secret of the job; name it under \`secrets\` of the generated job instead.`,
      );
    return { outcome: 'passed', generated: text };
  }
  return refused(
    'generated-missing',
    `The job ended well but left no file ${file}; write it, with \`jobs: {}\` when nothing follows. A link is not followed.`,
  );
}

function refused(code: string, message: string): Outcome {
  return { outcome: 'failed', reason: { code, message } };
}
