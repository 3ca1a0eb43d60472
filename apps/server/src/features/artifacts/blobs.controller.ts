import { Controller, Get, HttpCode, Inject, Param, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Kysely } from 'kysely';
import { BlobMissingError, BlobStore } from '../../platform/blobs/blob-store.port.ts';
import type { Db } from '../../platform/db/database.ts';
import { Access, CurrentRunner, type SluiceRequest } from '../../platform/http/access.ts';
import type { RunnerPrincipal } from '../../platform/http/principal.ts';
import { conflict, notFound, Problem } from '../../platform/http/problem.ts';
import { BlobLinks } from './blob-links.ts';
import { heldAttempt } from './held-attempt.ts';
import { PART_BYTES } from './transfer-blobs.ts';

/** The other end of links to this server, for stores without an address of their own (libs/protocol/src/runner.ts). */
@Access('runner')
@Controller('runner/blobs')
export class BlobsController {
  readonly #db: Db;
  readonly #blobs: BlobStore;
  readonly #links: BlobLinks;
  constructor(@Inject(Kysely) db: Db, blobs: BlobStore, links: BlobLinks) {
    this.#db = db;
    this.#blobs = blobs;
    this.#links = links;
  }

  @Put(':link')
  @HttpCode(204)
  async put(
    @Param('link') segment: string,
    @CurrentRunner() runner: RunnerPrincipal,
    @Req() request: SluiceRequest,
  ): Promise<void> {
    const link = this.#links.read(segment, 'put');
    await heldAttempt(this.#db, runner, link);
    const bytes = request.body;
    if (!Buffer.isBuffer(bytes))
      throw new Problem(415, 'unsupported-media-type', 'Send the bytes as application/octet-stream.');
    const from = rangeStart(request.headers['content-range'], bytes.length, link.length);
    await this.#stillComing(link.key);
    await this.#blobs.takePart(link.key, link, from, bytes);
  }

  @Get(':link')
  async get(
    @Param('link') segment: string,
    @CurrentRunner() runner: RunnerPrincipal,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const link = this.#links.read(segment, 'get');
    await heldAttempt(this.#db, runner, link);
    const stream = await this.#blobs.read(link.key).catch((error: unknown) => {
      throw error instanceof BlobMissingError ? notFound('This file') : error;
    });
    void reply.headers({ 'content-type': 'application/octet-stream', 'content-length': String(link.length) });
    await reply.send(stream);
  }

  /** What is kept never changes (A64), and what is going away does not come back. */
  async #stillComing(key: string): Promise<void> {
    const found = await this.#db
      .selectFrom('artifacts')
      .select('status')
      .where('blob_key', '=', key)
      .unionAll(this.#db.selectFrom('caches').select('status').where('blob_key', '=', key))
      .execute();
    if (found[0]?.status !== 'coming')
      throw conflict('not-coming', 'These bytes are kept already, or not wanted any more.');
  }
}

/** Throws 416: parts lie within the length that was said when the link was asked for. */
function rangeStart(header: string | undefined, size: number, length: number): number {
  const [, from, to, total] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(header ?? '') ?? [];
  const start = Number(from);
  if (
    size >= 1 &&
    size <= PART_BYTES &&
    Number(to) === start + size - 1 &&
    Number(total) === length &&
    Number(to) < length
  )
    return start;
  throw new Problem(416, 'range', `Send 1 to ${PART_BYTES} bytes with content-range: bytes <first>-<last>/${length}.`);
}
