import { Controller } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract } from '@sluice/protocol';
import { CurrentUser } from '../../platform/http/access.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { ConnectRepository } from './connect-repository.ts';
import { Environments } from './environments.ts';
import { Limits } from './limits.ts';
import { ListRepositories } from './list-repositories.ts';
import { RegisterService } from './register-service.ts';
import { RenewHookSecret } from './renew-hook-secret.ts';
import { Teams } from './teams.ts';

const catalog = contract.catalog;

@Controller()
export class CatalogController {
  readonly #teams: Teams;
  readonly #repositories: ListRepositories;
  readonly #connect: ConnectRepository;
  readonly #hookSecrets: RenewHookSecret;
  readonly #register: RegisterService;
  readonly #environments: Environments;
  readonly #limits: Limits;
  constructor(
    teams: Teams,
    repositories: ListRepositories,
    connect: ConnectRepository,
    hookSecrets: RenewHookSecret,
    register: RegisterService,
    environments: Environments,
    limits: Limits,
  ) {
    this.#limits = limits;
    this.#teams = teams;
    this.#repositories = repositories;
    this.#connect = connect;
    this.#hookSecrets = hookSecrets;
    this.#register = register;
    this.#environments = environments;
  }

  @Implement(catalog.listTeams)
  listTeams(@CurrentUser() person: UserPrincipal) {
    return implement(catalog.listTeams).handler(() => this.#teams.list(person));
  }

  @Implement(catalog.createTeam)
  createTeam(@CurrentUser() person: UserPrincipal) {
    return implement(catalog.createTeam).handler(({ input }) => this.#teams.create(person, input));
  }

  @Implement(catalog.listRepositories)
  listRepositories(@CurrentUser() person: UserPrincipal) {
    return implement(catalog.listRepositories).handler(({ input }) => this.#repositories.list(person, input.team));
  }

  @Implement(catalog.connectRepository)
  connectRepository(@CurrentUser() person: UserPrincipal) {
    return implement(catalog.connectRepository).handler(({ input }) => this.#connect.connect(person, input));
  }

  @Implement(catalog.renewHookSecret)
  renewHookSecret(@CurrentUser() person: UserPrincipal) {
    return implement(catalog.renewHookSecret).handler(({ input }) => this.#hookSecrets.renew(person, input));
  }

  @Implement(catalog.registerService)
  registerService(@CurrentUser() person: UserPrincipal) {
    return implement(catalog.registerService).handler(({ input }) => this.#register.register(person, input));
  }

  @Implement(catalog.listEnvironments)
  listEnvironments(@CurrentUser() person: UserPrincipal) {
    return implement(catalog.listEnvironments).handler(({ input }) => this.#environments.list(person, input.team));
  }

  @Implement(catalog.putEnvironment)
  putEnvironment(@CurrentUser() person: UserPrincipal) {
    return implement(catalog.putEnvironment).handler(({ input }) => this.#environments.put(person, input));
  }

  @Implement(catalog.getLimits)
  getLimits(@CurrentUser() person: UserPrincipal) {
    return implement(catalog.getLimits).handler(({ input }) => this.#limits.read(person, input.team));
  }

  @Implement(catalog.putTeamLimit)
  putTeamLimit(@CurrentUser() person: UserPrincipal) {
    return implement(catalog.putTeamLimit).handler(async ({ input }) => {
      await this.#limits.putTeam(person, input);
      return { ok: true as const };
    });
  }

  @Implement(catalog.putServiceLimit)
  putServiceLimit(@CurrentUser() person: UserPrincipal) {
    return implement(catalog.putServiceLimit).handler(async ({ input }) => {
      await this.#limits.putService(person, input);
      return { ok: true as const };
    });
  }
}
