import { Controller } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract } from '@sluice/protocol';
import { CurrentUser } from '../../platform/http/access.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { ReadDebug } from './read-debug.ts';
import { UseShell } from './use-shell.ts';

const api = contract.debug;
const OK = { ok: true } as const;

/** Kept containers and their shells, for people. */
@Controller()
export class DebugController {
  readonly #read: ReadDebug;
  readonly #shells: UseShell;
  constructor(read: ReadDebug, shells: UseShell) {
    this.#read = read;
    this.#shells = shells;
  }

  @Implement(api.getDebug)
  getDebug(@CurrentUser() person: UserPrincipal) {
    return implement(api.getDebug).handler(({ input }) => this.#read.ofRun(person, input.runId));
  }

  @Implement(api.endKept)
  endKept(@CurrentUser() person: UserPrincipal) {
    return implement(api.endKept).handler(async ({ input }) => {
      await this.#shells.endKept(person, input.attemptId);
      return OK;
    });
  }

  @Implement(api.openShell)
  openShell(@CurrentUser() person: UserPrincipal) {
    return implement(api.openShell).handler(async ({ input }) => ({
      shellId: await this.#shells.open(person, input.attemptId, input),
    }));
  }

  @Implement(api.readShell)
  readShell(@CurrentUser() person: UserPrincipal) {
    return implement(api.readShell).handler(({ input }) => this.#shells.read(person, input.shellId, input.from));
  }

  @Implement(api.writeShell)
  writeShell(@CurrentUser() person: UserPrincipal) {
    return implement(api.writeShell).handler(async ({ input }) => {
      await this.#shells.write(person, input.shellId, input.text);
      return OK;
    });
  }

  @Implement(api.resizeShell)
  resizeShell(@CurrentUser() person: UserPrincipal) {
    return implement(api.resizeShell).handler(async ({ input }) => {
      await this.#shells.resize(person, input.shellId, input);
      return OK;
    });
  }

  @Implement(api.closeShell)
  closeShell(@CurrentUser() person: UserPrincipal) {
    return implement(api.closeShell).handler(async ({ input }) => {
      await this.#shells.close(person, input.shellId);
      return OK;
    });
  }
}
