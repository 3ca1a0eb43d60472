import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Tables } from '../../platform/db/schema.ts';
import { requireSystemAdmin, type UserPrincipal } from '../../platform/http/principal.ts';
import { readUser } from './read-person.ts';

@Injectable()
export class ListUsers {
  readonly #db: Kysely<Tables>;
  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async list(by: UserPrincipal) {
    requireSystemAdmin(by);
    const rows = await this.#db.selectFrom('users').select('id').orderBy('name').orderBy('email').execute();
    return Promise.all(rows.map(({ id }) => readUser(this.#db, id)));
  }
}
