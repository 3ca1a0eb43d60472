import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { Approver, LaneCommand } from '@sluice/engine';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import { actorOf, requireRole, type UserPrincipal } from '../../platform/http/principal.ts';
import { conflict, forbidden, notFound, type Problem } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';
import { findLane } from './find-lane.ts';
import { LaneStore } from './lane-store.ts';
import { ReadContributors } from './read-contributors.ts';
import { bindToSettings } from './rebind-lanes.ts';
import { approversNow, rightsNow } from './rights-now.ts';

const FORBIDDEN = new Set(['not-entitled', 'self-approval']);
const MAX_LOOKS = 3;

/**
 * Approve or reject at a gate. The facts about the change are read before the transaction (git may take a while); the
 * lane refuses them when another release went live meanwhile, and they are read again.
 * Rights are read inside the transaction, so a right taken away between click and commit counts (F59).
 */
@Injectable()
export class DecideGate {
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  readonly #lanes: LaneStore;
  readonly #contributors: ReadContributors;
  readonly #audit: Audit;
  constructor(
    db: Kysely<Tables>,
    transactions: Transactions,
    lanes: LaneStore,
    contributors: ReadContributors,
    audit: Audit,
  ) {
    this.#db = db;
    this.#transactions = transactions;
    this.#lanes = lanes;
    this.#contributors = contributors;
    this.#audit = audit;
  }

  async approve(by: UserPrincipal, deploymentId: string, binding: string, note?: string): Promise<void> {
    requireApprovalScope(by);
    for (let look = 1; ; look += 1) {
      const { laneId, release, live } = await this.#read(by, deploymentId);
      const change = await this.#contributors.sinceLive(release, live);
      const refusal = await this.#decide(by, laneId, async (approver, unit) => ({
        type: 'approve',
        deploymentId,
        by: approver,
        binding,
        contributors: { since: change.since, contributors: change.contributors },
        earlier: await approversNow(unit, laneId, deploymentId),
        ...(note === undefined ? {} : { note }),
      }));
      if (!refusal) return;
      if (refusal.code !== 'facts-outdated' || look === MAX_LOOKS) throw refusal;
    }
  }

  async reject(by: UserPrincipal, deploymentId: string, binding: string, reason: string): Promise<void> {
    requireApprovalScope(by);
    const { laneId } = await this.#read(by, deploymentId);
    const refusal = await this.#decide(by, laneId, async (approver) => ({
      type: 'reject',
      deploymentId,
      by: approver,
      binding,
      reason,
    }));
    if (refusal) throw refusal;
  }

  async #read(by: UserPrincipal, deploymentId: string) {
    const row = await this.#db
      .selectFrom('deployments')
      .innerJoin('lanes', 'lanes.id', 'deployments.lane_id')
      .select(['deployments.lane_id', 'deployments.release_id', 'deployments.team_id', 'lanes.state'])
      .where('deployments.id', '=', deploymentId)
      .executeTakeFirst();
    if (!row) throw notFound(`Deployment ${deploymentId}`);
    requireRole(by, row.team_id, 'viewer', `Deployment ${deploymentId}`);
    const release = await this.#db
      .selectFrom('releases')
      .selectAll()
      .where('id', '=', row.release_id)
      .executeTakeFirstOrThrow();
    const { live } = row.state;
    return {
      laneId: row.lane_id,
      release,
      live: live ? { deploymentId: live.deploymentId, commit: live.release.commit } : null,
    };
  }

  async #decide(
    by: UserPrincipal,
    laneId: string,
    command: (approver: Approver, unit: Unit) => Promise<Extract<LaneCommand, { type: 'approve' | 'reject' }>>,
  ): Promise<Problem | undefined> {
    const refusal = await this.#transactions.run(async (unit) => {
      const lane = await findLane(unit.tx, laneId);
      if (!lane) throw notFound('This lane');
      await bindToSettings(unit, this.#lanes, laneId);
      const [approver = { userId: by.userId, name: by.name, roles: [] }] = await rightsNow(unit, laneId, [by.userId]);
      const decided = await command(approver, unit);
      const applied = await this.#lanes.apply(unit, lane, decided);
      if (applied.kind === 'rejected') {
        return FORBIDDEN.has(applied.code)
          ? forbidden(applied.code, applied.message)
          : conflict(applied.code, applied.message, { code: applied.code });
      }
      if (applied.kind === 'accepted') {
        await this.#audit.record(unit, {
          teamId: applied.state.teamId,
          actor: actorOf(by),
          action: `gate.${decided.type}`,
          subject: `deployment:${decided.deploymentId}`,
          detail: {
            environment: applied.state.environment,
            binding: decided.binding,
            ...(decided.type === 'reject' ? { reason: decided.reason } : { note: decided.note ?? null }),
          },
        });
      }
      return undefined;
    });
    await failpoint('gate:after-commit');
    return refusal;
  }
}

function requireApprovalScope(by: UserPrincipal): void {
  if (by.via === 'token' && !by.scopes.includes('gate:approve')) {
    throw forbidden('scope-missing', 'This API token may not decide at gates; make one with the scope gate:approve.');
  }
}
