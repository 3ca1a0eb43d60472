import { Controller, Get, Headers, Logger, Query, Req, Res } from '@nestjs/common';
import { liveTopic } from '@sluice/protocol';
import type { FastifyReply } from 'fastify';
import { CurrentUser, type SluiceRequest } from '../../platform/http/access.ts';
import { Authenticator } from '../../platform/http/authenticator.port.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { Problem, Stopping } from '../../platform/http/problem.ts';
import { RequestsInFlight } from '../../platform/http/requests-in-flight.ts';
import { readSessionCookie } from '../../platform/http/session-cookie.ts';
import { LiveClient } from './live-client.ts';
import { LiveHub } from './live-hub.ts';
import { VisibleTopics } from './visible-topics.ts';

const MAX_TOPICS = 200;
const MAX_STREAMS_PER_PERSON = 50;
const RIGHTS_MS = 60_000;

/** `GET /api/v1/live?topics=a,b`: says what changed, never the data (libs/protocol/src/live.ts). */
@Controller()
export class LiveController {
  readonly #log = new Logger('live');
  readonly #streams = new Map<string, number>();
  readonly #hub: LiveHub;
  readonly #visible: VisibleTopics;
  readonly #authenticator: Authenticator;
  readonly #inFlight: RequestsInFlight;
  constructor(hub: LiveHub, visible: VisibleTopics, authenticator: Authenticator, inFlight: RequestsInFlight) {
    this.#hub = hub;
    this.#visible = visible;
    this.#authenticator = authenticator;
    this.#inFlight = inFlight;
  }

  @Get('live')
  async live(
    @CurrentUser() person: UserPrincipal,
    @Req() request: SluiceRequest,
    @Res() reply: FastifyReply,
    @Query('topics') text: unknown,
    @Headers('last-event-id') lastEventId: string | undefined,
  ): Promise<void> {
    const topics = readTopics(text);
    const visible = await this.#visible.of(person, topics);
    if (request.raw.destroyed) return;
    if (this.#inFlight.stopping.aborted) throw new Stopping();
    // Counted and noted without a pause between: many that come at once must not all see the same number.
    const open = this.#streams.get(person.userId) ?? 0;
    if (open >= MAX_STREAMS_PER_PERSON)
      throw new Problem(429, 'too-many-streams', 'Too many live streams are open under your name; close some pages.', {
        retryAfterSeconds: 10,
      });
    reply.hijack();
    this.#inFlight.exempt(reply.raw);
    reply.raw.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    reply.raw.write(': open\n\n');
    const client = new LiveClient(reply.raw, visible);
    const rights = setInterval(() => void this.lookAtRights(client, request, topics), RIGHTS_MS);
    this.#streams.set(person.userId, open + 1);
    reply.raw.on('error', () => undefined);
    reply.raw.once('close', () => {
      clearInterval(rights);
      this.#hub.remove(client);
      const left = (this.#streams.get(person.userId) ?? 1) - 1;
      if (left === 0) this.#streams.delete(person.userId);
      else this.#streams.set(person.userId, left);
    });
    this.#hub.add(client, lastEventId);
  }

  /** Signed out, disabled or out of the team: the stream ends or falls silent within a minute (A81). */
  async lookAtRights(
    client: LiveClient,
    request: { readonly headers: SluiceRequest['headers'] },
    topics: readonly string[],
  ): Promise<void> {
    try {
      const person = await this.#again(request);
      if (person === undefined) client.end();
      else client.topics = await this.#visible.of(person, topics);
    } catch (error) {
      // Unknown rights are no rights; the reader comes back by itself.
      this.#log.warn(`The rights of a live stream could not be read (${(error as Error).message}); it was ended.`);
      client.end();
    }
  }

  async #again(request: { readonly headers: SluiceRequest['headers'] }): Promise<UserPrincipal | undefined> {
    const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (bearer !== undefined) return this.#authenticator.apiToken(bearer);
    const cookie = readSessionCookie(request.headers.cookie);
    return cookie === undefined ? undefined : (await this.#authenticator.session(cookie))?.principal;
  }
}

function readTopics(text: unknown): readonly string[] {
  const topics = typeof text === 'string' ? [...new Set(text.split(','))] : [];
  if (
    topics.length === 0 ||
    topics.length > MAX_TOPICS ||
    !topics.every((topic) => liveTopic.safeParse(topic).success)
  ) {
    throw new Problem(
      400,
      'bad-topics',
      `topics: write 1 to ${MAX_TOPICS} topics such as board or run:<id>, separated by commas.`,
    );
  }
  return topics;
}
