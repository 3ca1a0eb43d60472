import { Inject, Injectable } from '@nestjs/common';
import { Ids } from '../../platform/clock/clock.port.ts';

/** What a poll was given, as far as this process knows; whoever acts on it is fenced by the epoch. */
export interface GrantedLease {
  readonly attemptId: string;
  readonly epoch: number;
}

export interface WaitingConnection {
  /** Settles when the poll's row may have an answer, or has been replaced; with the lease when this process granted it. */
  readonly answered: Promise<GrantedLease | undefined>;
  /** False once the same poll waits on a newer connection of this process. */
  isCurrent(): boolean;
  end(): void;
}

/** The connections of this process on which runners wait. Which poll got what is in the database alone. */
@Injectable()
export class WaitingPolls {
  /** Names this process in poll rows, so that the one holding the connection is told. */
  readonly replicaId: string;
  readonly #connections = new Map<string, { readonly wake: (granted?: GrantedLease) => void }>();

  constructor(@Inject(Ids) ids: Ids) {
    this.replicaId = ids.next();
  }

  wait(pollId: string): WaitingConnection {
    const { promise, resolve } = Promise.withResolvers<GrantedLease | undefined>();
    this.#connections.get(pollId)?.wake();
    const connection = { wake: (granted?: GrantedLease) => resolve(granted) };
    this.#connections.set(pollId, connection);
    const isCurrent = () => this.#connections.get(pollId) === connection;
    return {
      answered: promise,
      isCurrent,
      end: () => {
        if (isCurrent()) this.#connections.delete(pollId);
        resolve(undefined);
      },
    };
  }

  answer(pollId: string, granted?: GrantedLease): boolean {
    const connection = this.#connections.get(pollId);
    connection?.wake(granted);
    return connection !== undefined;
  }

  ids(): string[] {
    return [...this.#connections.keys()];
  }

  answerAll(): void {
    for (const connection of this.#connections.values()) connection.wake();
  }
}
