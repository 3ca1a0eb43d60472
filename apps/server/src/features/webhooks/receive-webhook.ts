import { createHash, randomBytes } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { Problem } from '../../platform/http/problem.ts';
import { PublicOrigin } from '../../platform/http/public-origin.ts';
import { readStrictJson } from '../../platform/http/read-strict-json.ts';
import type { ForgeDelivery } from '../planning/index.ts';
import { FORGE_HOOKS } from './forge-hooks.ts';
import type { HookEvent } from './hook-event.ts';
import { HookRate } from './hook-rate.ts';
import { HookTraffic } from './hook-traffic.ts';
import { OpenHook, type OpenedHook } from './open-hook.ts';
import { StoreDelivery, type StoredDelivery } from './store-delivery.ts';

export interface HookRequest {
  readonly hookId: string;
  /** The bytes as they came; null when there were none. */
  readonly body: Buffer | null;
  readonly contentType: string | undefined;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly address: string;
}

/** `message` and `url` are for the person who pushes: git hosts print them. */
export interface HookAnswer {
  readonly status: 200 | 202;
  readonly body: {
    readonly message: string;
    readonly delivery?: string;
    readonly duplicate?: true;
    readonly ignored?: true;
    readonly url?: string;
  };
}

interface DeliveryKeys {
  /** What the sender gave. */
  readonly id: string | undefined;
  /** For a delivery without an id. */
  readonly unnamed: string;
  /** SHA-256 of the signed bytes. */
  readonly contentKey: string;
}

/** A signed push may list all the commits that its bytes have room for. */
const MAX_KEYS = Number.POSITIVE_INFINITY;
const EVENT_NAME = /^[A-Za-z][A-Za-z0-9_.: -]{0,63}$/;
const DELIVERY_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
/** For unknown hooks: they cost the same work as known ones, so their absence does not show in the time. */
const NO_SECRET = randomBytes(32).toString('hex');

/**
 * Takes one webhook: nothing of the body is looked at before its signature holds, and nothing but a stored delivery is
 * answered with "accepted". Throws Problem for everything that the sender must mend.
 */
@Injectable()
export class ReceiveWebhook {
  readonly #log = new Logger('webhooks');
  readonly #hooks: OpenHook;
  readonly #rate: HookRate;
  readonly #deliveries: StoreDelivery;
  readonly #origin: PublicOrigin;
  readonly #traffic: HookTraffic;
  constructor(hooks: OpenHook, rate: HookRate, deliveries: StoreDelivery, origin: PublicOrigin, traffic: HookTraffic) {
    this.#traffic = traffic;
    this.#hooks = hooks;
    this.#rate = rate;
    this.#deliveries = deliveries;
    this.#origin = origin;
  }

  async receive(request: HookRequest): Promise<HookAnswer> {
    const wait = this.#rate.take(request.hookId.slice(0, 36), request.address);
    if (wait > 0)
      throw refusal(429, 'too-many-requests', 'Too many deliveries for this hook; send it again in a moment.', {
        retryAfterSeconds: wait,
      });
    const hook = await this.#hooks.open(request.hookId);
    const body = request.body ?? Buffer.alloc(0);
    const one = (name: string) => (typeof request.headers[name] === 'string' ? request.headers[name] : undefined);
    const forge = FORGE_HOOKS[hook?.kind ?? 'git'];
    const proven = forge.verify(body, one(forge.proof), hook?.secret ?? NO_SECRET);
    if (!hook)
      throw refusal(404, 'not-found', 'There is no such hook; copy its address again from the repository in Sluice.');
    if (hook.secret === null)
      throw refusal(
        503,
        'hook-without-secret',
        'This hook has no usable secret, so nothing can be accepted; make a new one (Connect a repository, step 3) and set it on the sender.',
      );
    if (!proven) {
      this.#log.warn(
        { hookId: hook.id, signature: one(forge.proof) === undefined ? 'absent' : 'wrong' },
        'a webhook was refused',
      );
      throw refusal(
        401,
        'bad-signature',
        `The ${hook.kind === 'gitlab' ? 'token' : 'signature'} in ${forge.proof} is missing or wrong; set the hook's secret on the sender.`,
      );
    }
    const event = this.#read(hook, request.contentType, one(forge.event), body);
    const contentKey = createHash('sha256').update(body).digest('hex');
    const cause = forge.cause === undefined ? undefined : one(forge.cause);
    const unnamed = `content:${cause === undefined ? '' : `${cause.slice(0, 128)}:`}${contentKey}`;
    return this.#accept(hook, event, { id: one(forge.delivery), unnamed, contentKey });
  }

  #read(hook: OpenedHook, contentType: string | undefined, name: string | undefined, body: Buffer): HookEvent {
    if (!/^application\/json\s*(;|$)/i.test(contentType ?? '')) {
      throw refusal(
        415,
        'unsupported-media-type',
        'Send the payload as application/json; set the content type of the webhook accordingly.',
      );
    }
    if (name === undefined || !EVENT_NAME.test(name))
      throw refusal(400, 'bad-event', `The header ${FORGE_HOOKS[hook.kind].event} must name the event.`);
    const read = readStrictJson(body, MAX_KEYS);
    if (!read.ok) throw refusal(400, 'bad-payload', read.problem);
    return FORGE_HOOKS[hook.kind].read(name, read.value);
  }

  async #accept(hook: OpenedHook, event: HookEvent, keys: DeliveryKeys): Promise<HookAnswer> {
    switch (event.kind) {
      case 'ping':
        return { status: 200, body: { message: 'Sluice is listening.', url: this.#pageOf(hook) } };
      case 'ignored':
        return { status: 202, body: { ignored: true, message: event.why } };
      case 'malformed':
        throw refusal(400, 'bad-payload', event.problem);
      case 'told':
        return this.#store(hook, event.deliveries, keys);
    }
  }

  async #store(
    hook: OpenedHook,
    told: readonly [ForgeDelivery, ...ForgeDelivery[]],
    { id, unnamed, contentKey }: DeliveryKeys,
  ): Promise<HookAnswer> {
    if (id !== undefined && !DELIVERY_ID.test(id)) {
      throw refusal(
        400,
        'bad-delivery-id',
        `The header ${FORGE_HOOKS[hook.kind].delivery} must be an id of at most 128 letters, digits, ".", "_", ":" or "-".`,
      );
    }
    const key = id ?? unnamed;
    const stored = await this.#traffic.count(async () => {
      const answers: StoredDelivery[] = [];
      for (const [index, one] of told.entries())
        answers.push(
          await this.#deliveries.store(hook, { key: index === 0 ? key : `${key}:${index}`, contentKey, told: one }),
        );
      return answers;
    });
    const url = this.#pageOf(hook);
    const fresh = told.filter((_, index) => stored[index]!.kind === 'stored');
    const delivery = stored[0]!.deliveryId;
    if (fresh.length === 0)
      return { status: 200, body: { duplicate: true, delivery, message: `This is known already: ${url}`, url } };
    const nobody = hook.services.length === 0 ? '; no service is registered for this repository yet' : '';
    return {
      status: 202,
      body: { delivery, message: `${fresh.slice(0, 3).map(sayDelivery).join('; ')}${nobody}: ${url}`, url },
    };
  }

  /** The service's page where the repository holds one service, else the board. */
  #pageOf(hook: OpenedHook): string {
    const [only, another] = hook.services;
    return `${this.#origin.value}${only !== undefined && another === undefined ? `/services/${only}` : '/board'}`;
  }
}

function sayDelivery(told: ForgeDelivery): string {
  if ('kind' in told)
    return `pull request ${told.number} ${told.closed ? 'is closed' : `is at ${told.head.slice(0, 12)}, planning its runs`}`;
  const name = told.ref.replace(/^refs\/(heads|tags)\//, '').slice(0, 100);
  return told.after === null
    ? `${name} was deleted, which starts no run`
    : `${name} is at ${told.after.slice(0, 12)}, planning its runs`;
}

/** `message` stands at the top level too: git hosts print it to the person who pushes. */
function refusal(status: number, code: string, message: string, data: Record<string, unknown> = {}): Problem {
  return new Problem(status, code, message, { ...data, message });
}
