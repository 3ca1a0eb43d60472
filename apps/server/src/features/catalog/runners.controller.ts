import { Controller } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract } from '@sluice/protocol';
import { CurrentUser } from '../../platform/http/access.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { PoolLoads } from './pool-load.ts';
import { Pools } from './pools.ts';
import { RegistrationTokens } from './registration-tokens.ts';
import { Runners } from './runners.ts';

const { listPools, listPoolLoads, createPool, createRegistrationToken, listRunners, removeRunner } = contract.catalog;

@Controller()
export class RunnersController {
  readonly #pools: Pools;
  readonly #tokens: RegistrationTokens;
  readonly #runners: Runners;
  readonly #loads: PoolLoads;
  constructor(pools: Pools, loads: PoolLoads, tokens: RegistrationTokens, runners: Runners) {
    this.#pools = pools;
    this.#loads = loads;
    this.#tokens = tokens;
    this.#runners = runners;
  }

  @Implement(listPools)
  listPools(@CurrentUser() person: UserPrincipal) {
    return implement(listPools).handler(() => this.#pools.list(person));
  }

  @Implement(listPoolLoads)
  listPoolLoads(@CurrentUser() person: UserPrincipal) {
    return implement(listPoolLoads).handler(() => this.#loads.visible(person));
  }

  @Implement(createPool)
  createPool(@CurrentUser() person: UserPrincipal) {
    return implement(createPool).handler(({ input }) => this.#pools.create(person, input));
  }

  @Implement(createRegistrationToken)
  createRegistrationToken(@CurrentUser() person: UserPrincipal) {
    return implement(createRegistrationToken).handler(({ input }) => this.#tokens.create(person, input.poolId));
  }

  @Implement(listRunners)
  listRunners(@CurrentUser() person: UserPrincipal) {
    return implement(listRunners).handler(() => this.#runners.list(person));
  }

  @Implement(removeRunner)
  removeRunner(@CurrentUser() person: UserPrincipal) {
    return implement(removeRunner).handler(async ({ input }) => {
      await this.#runners.remove(person, input.runnerId);
      return { ok: true as const };
    });
  }
}
