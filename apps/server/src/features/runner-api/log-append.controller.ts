import { Controller, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import { id } from '@sluice/protocol';
import { Access, CurrentRunner, type SluiceRequest } from '../../platform/http/access.ts';
import type { RunnerPrincipal } from '../../platform/http/principal.ts';
import { notFound, Problem } from '../../platform/http/problem.ts';
import { AppendLog, LogSettings } from '../logs/index.ts';

/** Log bytes are not JSON: `POST /runner/attempts/:id/log?offset=N&epoch=E` with octets, up to 4 MiB (A54). */
@Access('runner')
@Controller('runner/attempts')
export class LogAppendController {
  readonly #append: AppendLog;
  readonly #settings: LogSettings;
  constructor(append: AppendLog, settings: LogSettings) {
    this.#append = append;
    this.#settings = settings;
  }

  @Post(':attemptId/log')
  @HttpCode(200)
  async append(
    @Param('attemptId') attemptId: string,
    @Query('offset') offset: unknown,
    @Query('epoch') epoch: unknown,
    @CurrentRunner() { runnerId, poolId }: RunnerPrincipal,
    @Req() request: SluiceRequest,
  ): Promise<{ length: number }> {
    if (!id.safeParse(attemptId).success) throw notFound('This attempt');
    const from = wholeNumber('offset', offset);
    const bytes = request.body;
    if (!/^application\/octet-stream\s*(;|$)/i.test(request.headers['content-type'] ?? '') || !Buffer.isBuffer(bytes)) {
      throw new Problem(415, 'unsupported-media-type', 'Send log bytes as application/octet-stream.');
    }
    if (bytes.length > this.#settings.appendBytes) {
      throw new Problem(413, 'too-large', `Send at most ${this.#settings.appendBytes} bytes of log at once.`);
    }
    return this.#append.append({ attemptId, epoch: wholeNumber('epoch', epoch), runnerId, poolId }, from, bytes);
  }
}

function wholeNumber(name: string, text: unknown): number {
  const value = typeof text === 'string' && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new Problem(400, 'bad-request', `${name}: write a whole number from 0 up.`);
  return value;
}
