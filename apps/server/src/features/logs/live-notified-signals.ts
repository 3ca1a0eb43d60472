import { Injectable } from '@nestjs/common';
import { LiveNotifier } from '../live/index.ts';
import { LiveSignals } from './live-signals.port.ts';

@Injectable()
export class LiveNotifiedSignals extends LiveSignals {
  readonly #notifier: LiveNotifier;
  constructor(notifier: LiveNotifier) {
    super();
    this.#notifier = notifier;
  }

  /** A lost hint does no harm: watchers look by themselves every few seconds. */
  override logGrew(attemptId: string, length: number, sealed: boolean): void {
    this.#notifier.log(attemptId, length, sealed).catch(() => undefined);
  }
}
