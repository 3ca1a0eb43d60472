import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { RequestsInFlight } from './requests-in-flight.ts';

const LIMIT_MS = 25_000;
const GRACE_MS = 2_000;

/** Between the end of long polls and streams (module destroy) and the closing of connections: answers in the making are finished (F46). */
@Injectable()
export class WaitForRequests implements BeforeApplicationShutdown {
  readonly #inFlight: RequestsInFlight;
  constructor(inFlight: RequestsInFlight) {
    this.#inFlight = inFlight;
  }

  async beforeApplicationShutdown(): Promise<void> {
    if (await this.#inFlight.settled(LIMIT_MS, GRACE_MS)) return;
    new Logger('http').warn(
      `${this.#inFlight.count} requests were not finished after ${LIMIT_MS / 1000} s and are cut off.`,
    );
  }
}
