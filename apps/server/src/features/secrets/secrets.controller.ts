import { Controller } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract } from '@sluice/protocol';
import { CurrentUser } from '../../platform/http/access.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { DeleteSecret } from './delete-secret.ts';
import { ListSecrets } from './list-secrets.ts';
import { PutSecret } from './put-secret.ts';

const { listSecrets, putSecret, deleteSecret } = contract.catalog;

@Controller()
export class SecretsController {
  readonly #list: ListSecrets;
  readonly #put: PutSecret;
  readonly #delete: DeleteSecret;
  constructor(list: ListSecrets, put: PutSecret, remove: DeleteSecret) {
    this.#list = list;
    this.#put = put;
    this.#delete = remove;
  }

  @Implement(listSecrets)
  list(@CurrentUser() person: UserPrincipal) {
    return implement(listSecrets).handler(({ input }) => this.#list.list(person, input.team));
  }

  @Implement(putSecret)
  put(@CurrentUser() person: UserPrincipal) {
    return implement(putSecret).handler(({ input }) => this.#put.put(person, input));
  }

  @Implement(deleteSecret)
  delete(@CurrentUser() person: UserPrincipal) {
    return implement(deleteSecret).handler(async ({ input }) => {
      await this.#delete.delete(person, input);
      return { ok: true as const };
    });
  }
}
