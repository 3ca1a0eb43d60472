import { Controller } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract } from '@sluice/protocol';
import { CurrentUser, TokenScope } from '../../platform/http/access.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { DecideGate } from './decide-gate.ts';
import { ReadApprovals } from './read-approvals.ts';
import { ReadDeployment } from './read-deployment.ts';

const lanes = contract.lanes;

@Controller()
export class LanesController {
  readonly #gate: DecideGate;
  readonly #approvals: ReadApprovals;
  readonly #deployments: ReadDeployment;
  constructor(gate: DecideGate, approvals: ReadApprovals, deployments: ReadDeployment) {
    this.#gate = gate;
    this.#approvals = approvals;
    this.#deployments = deployments;
  }

  @Implement(lanes.listLanes)
  listLanes(@CurrentUser() person: UserPrincipal) {
    return implement(lanes.listLanes).handler(({ input }) => this.#deployments.lanes(person, input.team));
  }

  @Implement(lanes.listApprovals)
  listApprovals(@CurrentUser() person: UserPrincipal) {
    return implement(lanes.listApprovals).handler(({ input }) => this.#approvals.list(person, input.show));
  }

  @Implement(lanes.getApproval)
  getApproval(@CurrentUser() person: UserPrincipal) {
    return implement(lanes.getApproval).handler(({ input }) => this.#approvals.detail(person, input.deploymentId));
  }

  @TokenScope('gate:approve')
  @Implement(lanes.approve)
  approve(@CurrentUser() person: UserPrincipal) {
    return implement(lanes.approve).handler(async ({ input }) => {
      await this.#gate.approve(person, input.deploymentId, input.binding, input.note);
      return { ok: true as const };
    });
  }

  @TokenScope('gate:approve')
  @Implement(lanes.reject)
  reject(@CurrentUser() person: UserPrincipal) {
    return implement(lanes.reject).handler(async ({ input }) => {
      await this.#gate.reject(person, input.deploymentId, input.binding, input.reason);
      return { ok: true as const };
    });
  }

  @Implement(lanes.getDeployment)
  getDeployment(@CurrentUser() person: UserPrincipal) {
    return implement(lanes.getDeployment).handler(({ input }) => this.#deployments.one(person, input.deploymentId));
  }
}
