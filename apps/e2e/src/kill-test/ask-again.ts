import { eventually } from '@sluice/testing';

const PATIENCE_MS = 120_000;

/** Somebody whose request found a dying server makes it again, until there is an answer. An answer that says no is thrown. */
export async function askAgain<T>(what: string, ask: () => Promise<T>): Promise<T> {
  let answer: { readonly value: T } | undefined;
  await eventually(
    async () => {
      answer = { value: await ask() };
      return true;
    },
    { timeoutMs: PATIENCE_MS, everyMs: 100, describe: what, giveUpOn: isRefusal },
  );
  return answer!.value;
}

function isRefusal(error: unknown): boolean {
  const status = (error as { status?: unknown }).status;
  return typeof status === 'number' && status >= 400 && status < 500;
}
