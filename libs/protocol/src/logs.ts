import { z } from 'zod';

/**
 * Logs for people: bytes as they were stored, of a finished or a running attempt. Every answer has `x-sluice-log-length` (bytes so
 * far) and `x-sluice-log-sealed` (`true`: nothing more will come).
 *
 * When retention has removed the bytes, each of them answers 410 `log-removed` with one sentence, `length` and `sha256`.
 *
 * - `GET /api/v1/attempts/{attemptId}/log` with an optional `range: bytes=...`: 200 or 206 `text/plain`; 416 past the end.
 * - `GET /api/v1/attempts/{attemptId}/log/lines?from=N&count=M`: those lines as `text/plain`. `from` counts from 1; `count` is 1,000
 *   unless told, at most `LOG_LINES_MOST`. The answer ends after `LOG_LINES_MOST_BYTES`, then within a line. Headers:
 *   `x-sluice-log-lines` (lines so far, one without its newline counts), `x-sluice-log-offset` (byte where the answer begins; a range
 *   read goes on behind it). 416 `range` with `lines` when there is no such line.
 * - `GET /api/v1/attempts/{attemptId}/log/search?q=text`: `LogSearchAnswer`, see there.
 */
export const LOG_LINES_MOST = 10_000;
export const LOG_LINES_MOST_BYTES = 4 * 1024 * 1024;

const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.number().min(least).max(most));

export const logLinesQuery = z.object({
  from: wholeNumber(1, Number.MAX_SAFE_INTEGER),
  count: wholeNumber(1, LOG_LINES_MOST).default(1_000),
});

export const logSearchQuery = z.object({
  /** Literal text within a line; never a pattern. */
  q: z
    .string()
    .min(1)
    .max(200)
    .refine((text) => !/[\r\n]/.test(text), 'search for text within one line'),
  /** `true`: upper and lower case differ. Otherwise ASCII letters match in either case. */
  case: z.enum(['true', 'false']).default('false'),
  /** Byte to begin at: 0, or `next` of the answer before. */
  from: wholeNumber(0, Number.MAX_SAFE_INTEGER).default(0),
  /** Most hits in one answer. */
  limit: wholeNumber(1, 1_000).default(100),
});

export const logHit = z.object({
  /** Line of the log, from 1. */
  line: z.number().int(),
  /** Byte of the log where the match begins. */
  offset: z.number().int(),
});
export type LogHit = z.infer<typeof logHit>;

/**
 * Hits in the order of the log, without overlap. An answer comes within about two seconds; `next` says where to go on when there are more hits
 * than `limit` or more log than was searched in that time, and is null when all bytes so far were searched.
 */
export const logSearchAnswer = z.object({
  hits: z.array(logHit),
  next: z.number().int().nullable(),
  length: z.number().int(),
  sealed: z.boolean(),
});
export type LogSearchAnswer = z.infer<typeof logSearchAnswer>;
