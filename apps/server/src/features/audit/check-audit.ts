import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { requireSystemAdmin, type UserPrincipal } from '../../platform/http/principal.ts';
import { ChainHead } from './chain-head.ts';
import { verifyChain, type ChainCheck } from './verify-chain.ts';

/** Reading the whole chain is work: whoever asks while it is read gets the same answer. */
@Injectable()
export class CheckAudit {
  readonly #db: Kysely<Tables>;
  readonly #head: ChainHead;
  #running: Promise<ChainCheck> | undefined;
  constructor(db: Kysely<Tables>, head: ChainHead) {
    this.#db = db;
    this.#head = head;
  }

  async check(by: UserPrincipal): Promise<ChainCheck> {
    requireSystemAdmin(by);
    this.#running ??= verifyChain(this.#db, this.#head).finally(() => (this.#running = undefined));
    return this.#running;
  }
}
