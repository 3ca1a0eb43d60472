import { Readable } from 'node:stream';
import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Kysely } from 'kysely';
import { id } from '@sluice/protocol';
import type { Db } from '../../platform/db/database.ts';
import { CurrentUser, type SluiceRequest } from '../../platform/http/access.ts';
import { visibleTeams, type UserPrincipal } from '../../platform/http/principal.ts';
import { notFound, Problem } from '../../platform/http/problem.ts';
import { byteRange } from './byte-range.ts';
import { LogReader } from './log-reader.ts';

/** Logs for people: bytes as they were stored, by range, streamed with back-pressure. */
@Controller('attempts')
export class LogsController {
  readonly #db: Db;
  readonly #reader: LogReader;
  constructor(@Inject(Kysely) db: Db, reader: LogReader) {
    this.#db = db;
    this.#reader = reader;
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
    void reply.headers({
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
      'accept-ranges': 'bytes',
      'cache-control': 'no-store',
      'x-sluice-log-sealed': String(log.log_sealed_at !== null),
      'x-sluice-log-length': String(total),
      ...(log.log_sealed_at && log.log_sha256 ? { etag: `"${log.log_sha256}"` } : {}),
    });
    if (range.kind === 'unsatisfiable') {
      void reply.header('content-range', `bytes */${total}`);
      throw new Problem(416, 'range', `The log has ${total} bytes so far; ask for a range below that.`, {
        length: total,
      });
    }
    const { from, to } = range.kind === 'part' ? range : { from: 0, to: total };
    if (range.kind === 'part') void reply.status(206).header('content-range', `bytes ${from}-${to - 1}/${total}`);
    void reply.header('content-length', String(to - from));
    await reply.send(
      Readable.from(this.#reader.read(attemptId, from, to), { objectMode: false, highWaterMark: 64 * 1024 }),
    );
  }

  async #visible(attemptId: string, person: UserPrincipal) {
    const teams = visibleTeams(person);
    const row =
      id.safeParse(attemptId).success && teams.length > 0
        ? await this.#db
            .selectFrom('attempts')
            .select(['log_length', 'log_sealed_at', 'log_sha256'])
            .where('id', '=', attemptId)
            .where('team_id', 'in', teams)
            .executeTakeFirst()
        : undefined;
    if (!row) throw notFound('This log');
    return row;
  }
}
