import { z } from 'zod';

export interface Refusal {
  readonly status: number;
  readonly code?: string | undefined;
  readonly says?: string | undefined;
}

const answer = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** Runs a call of the API that must be refused in exactly this way, or, without a refusal, must succeed. */
export async function expectAnswer(
  what: string,
  call: () => Promise<unknown>,
  refused: Refusal | undefined,
): Promise<void> {
  if (refused === undefined) {
    await call().catch((error: unknown) => {
      throw new Error(`${what} was refused: ${describe(read(error))}`, { cause: error });
    });
    return;
  }
  let outcome: Found | undefined;
  try {
    await call();
  } catch (error) {
    outcome = read(error);
  }
  if (outcome === undefined) throw new Error(`${what} succeeded, expected ${refused.status} ${refused.code ?? ''}.`);
  const right =
    outcome.status === refused.status &&
    (refused.code === undefined || outcome.code === refused.code) &&
    (refused.says === undefined || outcome.message.includes(refused.says));
  if (!right)
    throw new Error(
      `${what} answered ${describe(outcome)}, expected ${refused.status} ${refused.code ?? ''} ${refused.says ?? ''}.`,
    );
}

interface Found {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** The client throws errors with status, code and data; what has no status did not come from the server. */
function read(error: unknown): Found {
  if (!(error instanceof Error) || typeof (error as { status?: unknown }).status !== 'number') throw error;
  const { status, code, data } = error as Error & {
    status: number;
    code?: string;
    data?: { code?: unknown; body?: unknown };
  };
  const body = answer.safeParse(data?.body ?? data);
  if (body.success) return { status, code: body.data.error.code, message: body.data.error.message };
  return { status, code: typeof data?.code === 'string' ? data.code : (code ?? ''), message: error.message };
}

function describe({ status, code, message }: Found): string {
  return `${status} ${code}: ${message}`;
}
