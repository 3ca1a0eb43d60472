import { Readable } from 'node:stream';
import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Kysely } from 'kysely';
import type { z } from 'zod';
import {
  id,
  LOG_LINES_MOST,
  LOG_LINES_MOST_BYTES,
  logLinesQuery,
  logSearchQuery,
  type LogSearchAnswer,
} from '@sluice/protocol';
import type { Db } from '../../platform/db/database.ts';
import { CurrentUser, type SluiceRequest } from '../../platform/http/access.ts';
import { visibleTeams, type UserPrincipal } from '../../platform/http/principal.ts';
import { notFoundOrRemoved, Problem, removedByRetention } from '../../platform/http/problem.ts';
import { removedOf } from '../../platform/db/removed.ts';
import { byteRange } from './byte-range.ts';
import { FindLines } from './find-lines.ts';
import { LogReader } from './log-reader.ts';
import { SearchLog } from './search-log.ts';
import { SearchTurns } from './search-turns.ts';

const SEARCH_MS = 2_000;

interface VisibleLog {
  readonly log_length: number;
  readonly log_sealed_at: string | Date | null;
  readonly log_sha256: string | null;
  readonly log_removed_at: Date | null;
  readonly log_kept_days: number | null;
}

/** Logs for people: bytes as they were stored, by range or by line, streamed with back-pressure, and search in them (libs/protocol/src/logs.ts). */
@Controller('attempts')
export class LogsController {
  readonly #db: Db;
  readonly #reader: LogReader;
  readonly #lines: FindLines;
  readonly #search: SearchLog;
  readonly #turns: SearchTurns;
  constructor(@Inject(Kysely) db: Db, reader: LogReader, lines: FindLines, search: SearchLog, turns: SearchTurns) {
    this.#db = db;
    this.#reader = reader;
    this.#lines = lines;
    this.#search = search;
    this.#turns = turns;
  }

  @Get(':attemptId/log')
  async read(
    @Param('attemptId') attemptId: string,
    @CurrentUser() person: UserPrincipal,
    @Req() request: SluiceRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const log = await this.#visible(attemptId, person);
    const total = log.log_length;
    const range = byteRange(request.headers.range, total);
    void reply.headers({ ...headersOf(log), ...TEXT, 'accept-ranges': 'bytes' });
    if (log.log_sealed_at && log.log_sha256) void reply.header('etag', `"${log.log_sha256}"`);
    if (range.kind === 'unsatisfiable') {
      void reply.header('content-range', `bytes */${total}`);
      throw new Problem(416, 'range', `The log has ${total} bytes so far; ask for a range below that.`, {
        length: total,
      });
    }
    const { from, to } = range.kind === 'part' ? range : { from: 0, to: total };
    if (range.kind === 'part') void reply.status(206).header('content-range', `bytes ${from}-${to - 1}/${total}`);
    await this.#send(reply, attemptId, from, to);
  }

  @Get(':attemptId/log/lines')
  async readLines(
    @Param('attemptId') attemptId: string,
    @CurrentUser() person: UserPrincipal,
    @Query() query: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const log = await this.#visible(attemptId, person);
    const { from: first, count } = understood(
      logLinesQuery,
      query,
      `Ask for from=<line, counted from 1> and count=<1 to ${LOG_LINES_MOST}>.`,
    );
    const { total, span } = await this.#lines.find(attemptId, first, count, LOG_LINES_MOST_BYTES);
    void reply.headers({ ...headersOf(log), 'x-sluice-log-lines': String(total) });
    if (span === undefined)
      throw new Problem(416, 'range', `The log has ${total} lines so far; ask for a line up to that.`, {
        lines: total,
      });
    void reply.headers({ ...TEXT, 'x-sluice-log-offset': String(span.from) });
    await this.#send(reply, attemptId, span.from, span.to);
  }

  @Get(':attemptId/log/search')
  async search(
    @Param('attemptId') attemptId: string,
    @CurrentUser() person: UserPrincipal,
    @Query() query: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const log = await this.#visible(attemptId, person);
    const asked = understood(
      logSearchQuery,
      query,
      'Ask for q=<1 to 200 characters of one line>, and if wanted case=<true or false>, from=<byte>, limit=<1 to 1000>.',
    );
    // Nobody waits for the answer of a connection that is gone.
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(SEARCH_MS)]);
    const { hits, next } = await this.#turns.take(() =>
      this.#search.search(
        attemptId,
        { text: asked.q, matchCase: asked.case === 'true', from: asked.from, most: asked.limit },
        signal,
      ),
    );
    const answer: LogSearchAnswer = {
      hits: [...hits],
      next,
      length: log.log_length,
      sealed: log.log_sealed_at !== null,
    };
    await reply.headers(headersOf(log)).send(answer);
  }

  async #send(reply: FastifyReply, attemptId: string, from: number, to: number): Promise<void> {
    void reply.header('content-length', String(to - from));
    await reply.send(
      Readable.from(this.#reader.read(attemptId, from, to), { objectMode: false, highWaterMark: 64 * 1024 }),
    );
  }

  async #visible(attemptId: string, person: UserPrincipal): Promise<VisibleLog> {
    const teams = visibleTeams(person);
    const row =
      id.safeParse(attemptId).success && teams.length > 0
        ? await this.#db
            .selectFrom('attempts')
            .select(['log_length', 'log_sealed_at', 'log_sha256', 'log_removed_at', 'log_kept_days'])
            .where('id', '=', attemptId)
            .where('team_id', 'in', teams)
            .executeTakeFirst()
        : undefined;
    if (!row) throw notFoundOrRemoved('This log');
    const removed = removedOf(row.log_removed_at, row.log_kept_days);
    if (removed)
      throw removedByRetention('log-removed', 'This log was removed', removed, {
        length: row.log_length,
        sha256: row.log_sha256,
      });
    return row;
  }
}

/** Bytes that a stranger's command printed: a browser must show them as text and do nothing with them. */
const TEXT = {
  'content-type': 'text/plain; charset=utf-8',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "sandbox; default-src 'none'",
};

function headersOf(log: VisibleLog): Record<string, string> {
  return {
    'cache-control': 'no-store',
    'x-sluice-log-sealed': String(log.log_sealed_at !== null),
    'x-sluice-log-length': String(log.log_length),
  };
}

function understood<T>(shape: z.ZodType<T>, query: unknown, remedy: string): T {
  const { success, data, error } = shape.safeParse(query);
  if (success) return data;
  const [issue] = error.issues;
  throw new Problem(
    400,
    'bad-request',
    `${issue?.path.join('.') || 'query'}: ${issue?.message ?? 'not understood'}. ${remedy}`,
  );
}
