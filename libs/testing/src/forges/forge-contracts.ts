import type { IncomingHttpHeaders } from 'node:http';

export const FORGES = ['github', 'gitlab', 'gitea', 'bitbucket'] as const;
export type ForgeName = (typeof FORGES)[number];

/** A status as a person sees it at the forge. */
export interface ShownStatus {
  readonly forge: ForgeName;
  readonly repository: string;
  readonly commit: string;
  readonly context: string;
  /** In the words of the forge. */
  readonly state: string;
  readonly description: string;
  readonly url: string;
}

export interface ForgeRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface ForgeAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Either how the forge refuses, or the status that it now shows. */
export type Judged = { readonly refused: ForgeAnswer } | { readonly shown: ShownStatus };

/** One forge's documented call that sets the status of a commit, as far as a sender can get it wrong. */
export interface ForgeContract {
  readonly forge: ForgeName;
  /** What the API's address ends with. */
  readonly basePath: string;
  readonly answersWith: 201 | 200;
  /** `earlier`: what is shown for this commit and context. */
  judge(request: ForgeRequest, token: string, earlier: (context: string) => ShownStatus | undefined): Judged;
}

/** A key's values: the words it takes, or how long its text may be; `url`: an absolute http or https address. */
type Field = { readonly required?: true } & (
  { readonly words: readonly string[] } | { readonly longest: number; readonly url?: true }
);

/** First thing that is wrong with a body; keys that the call does not know are wrong too: a forge would ignore a misspelt one in silence. */
export function bodyProblem(
  body: Readonly<Record<string, unknown>>,
  fields: Readonly<Record<string, Field>>,
): { readonly key: string; readonly problem: string } | undefined {
  for (const key of Object.keys(body)) if (!Object.hasOwn(fields, key)) return { key, problem: 'is not known' };
  for (const [key, field] of Object.entries(fields)) {
    const value = body[key];
    if (value === undefined && !field.required) continue;
    if (typeof value !== 'string' || value === '') return { key, problem: 'is missing' };
    if ('words' in field && !field.words.includes(value)) return { key, problem: 'does not have a valid value' };
    if ('longest' in field && [...value].length > field.longest)
      return { key, problem: `is too long (maximum is ${field.longest} characters)` };
    if ('url' in field && !/^https?:$/.test(URL.parse(value)?.protocol ?? ''))
      return { key, problem: 'is not a valid URL' };
  }
  return undefined;
}

export const refuse = (status: number, body: unknown): Judged => ({ refused: { status, body } });
/** No commit has this id. */
export const NO_COMMIT = '0'.repeat(40);

export function textOf(body: Readonly<Record<string, unknown>>, key: string, otherwise = ''): string {
  const value = body[key];
  return typeof value === 'string' ? value : otherwise;
}
