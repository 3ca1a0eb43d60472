import { OutboxWaker } from './outbox.ts';

/** Connects commits of this process with its relay. */
export class OutboxSignal extends OutboxWaker {
  #listener: () => void = () => undefined;

  override wake(): void {
    this.#listener();
  }

  listen(listener: () => void): void {
    this.#listener = listener;
  }
}
