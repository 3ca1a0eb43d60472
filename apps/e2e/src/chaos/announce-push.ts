import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { describePush, pushRequest, type PushedRef } from '@sluice/testing';
import type { World } from '../world/world.ts';
import type { ChaosService } from './chaos-services.ts';
import type { Acknowledged } from './history.ts';
import type { Random } from './random.ts';

const ANSWER_MS = 10_000;

export interface Announcement {
  readonly service: ChaosService;
  readonly moved: PushedRef;
}

/** Sends the signed webhook of a push until a server has taken it or the time is over; `times` at once, all with one delivery id. */
export async function announcePush(
  world: World,
  { service, moved }: Announcement,
  random: Random,
  times: number,
  isOver: () => boolean,
  record: (call: Acknowledged) => void,
): Promise<void> {
  const payload = await describePush(service.folder, service.name, 'dana', moved);
  const delivery = randomUUID();
  while (!isOver()) {
    const { url } = random.pick(world.servers.replicas);
    const { body, headers } = pushRequest('', service.hookSecret, payload, delivery);
    const send = async () => {
      const answer = await fetch(`${url}${service.hookPath}`, {
        method: 'POST',
        headers,
        body,
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      const told = (await answer.json()) as { delivery?: string };
      if (!answer.ok || told.delivery === undefined) return false;
      record({ kind: 'webhook', service: service.name, commit: moved.after, delivery: told.delivery });
      return true;
    };
    const taken = await Promise.all(Array.from({ length: times }, () => send().catch(() => false)));
    if (taken.includes(true)) return;
    await pause(random.between(200, 1_000));
  }
}
