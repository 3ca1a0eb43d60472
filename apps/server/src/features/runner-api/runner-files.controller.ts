import { Controller } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract } from '@sluice/protocol';
import { Access, CurrentRunner } from '../../platform/http/access.ts';
import type { RunnerPrincipal } from '../../platform/http/principal.ts';
import { FindCache, LeaveArtifact, LeaveCache, UseArtifact } from '../artifacts/index.ts';

const api = contract.runner;
const OK = { ok: true } as const;

/** Artifacts and caches of the runner protocol (libs/protocol/src/runner.ts). */
@Access('runner')
@Controller()
export class RunnerFilesController {
  readonly #leaveArtifact: LeaveArtifact;
  readonly #useArtifact: UseArtifact;
  readonly #findCache: FindCache;
  readonly #leaveCache: LeaveCache;
  constructor(leaveArtifact: LeaveArtifact, useArtifact: UseArtifact, findCache: FindCache, leaveCache: LeaveCache) {
    this.#leaveArtifact = leaveArtifact;
    this.#useArtifact = useArtifact;
    this.#findCache = findCache;
    this.#leaveCache = leaveCache;
  }

  @Implement(api.leaveArtifact)
  leaveArtifact(@CurrentRunner() runner: RunnerPrincipal) {
    return implement(api.leaveArtifact).handler(({ input }) => this.#leaveArtifact.begin(runner, input));
  }

  @Implement(api.keepArtifact)
  keepArtifact(@CurrentRunner() runner: RunnerPrincipal) {
    return implement(api.keepArtifact).handler(async ({ input }) => {
      await this.#leaveArtifact.keep(runner, input);
      return OK;
    });
  }

  @Implement(api.useArtifact)
  useArtifact(@CurrentRunner() runner: RunnerPrincipal) {
    return implement(api.useArtifact).handler(async ({ input }) => ({
      url: await this.#useArtifact.link(runner, input),
    }));
  }

  @Implement(api.findCache)
  findCache(@CurrentRunner() runner: RunnerPrincipal) {
    return implement(api.findCache).handler(({ input }) => this.#findCache.find(runner, input));
  }

  @Implement(api.leaveCache)
  leaveCache(@CurrentRunner() runner: RunnerPrincipal) {
    return implement(api.leaveCache).handler(({ input }) => this.#leaveCache.begin(runner, input));
  }

  @Implement(api.keepCache)
  keepCache(@CurrentRunner() runner: RunnerPrincipal) {
    return implement(api.keepCache).handler(async ({ input }) => {
      await this.#leaveCache.keep(runner, input);
      return OK;
    });
  }
}
