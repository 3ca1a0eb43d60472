import { Injectable } from '@nestjs/common';
import type { Actor, OfferedRelease } from '@sluice/engine';
import { Ids } from '../../platform/clock/clock.port.ts';
import type { Row } from '../../platform/db/schema.ts';
import { Transactions, type Unit } from '../../platform/db/transactions.ts';
import { failpoint } from '../../platform/failpoints/failpoints.ts';
import type { OutboxMessages } from '../../platform/outbox/messages.ts';
import { Outbox } from '../../platform/outbox/outbox.ts';
import { bindingOf, laneSettings } from './lane-settings.ts';
import { LaneStore } from './lane-store.ts';
import { bindToSettings } from './rebind-lanes.ts';
import { calledOffBy } from './withdraw-called-off.ts';

/** Handlers of `offer-release`, `advance-release` and `withdraw-release`: how a release walks its route of lanes. */
@Injectable()
export class OfferRelease {
  readonly #transactions: Transactions;
  readonly #ids: Ids;
  readonly #lanes: LaneStore;
  readonly #outbox: Outbox;
  constructor(transactions: Transactions, ids: Ids, lanes: LaneStore, outbox: Outbox) {
    this.#transactions = transactions;
    this.#ids = ids;
    this.#lanes = lanes;
    this.#outbox = outbox;
  }

  async offer({ releaseId, environment, requestedBy }: OutboxMessages['offer-release']): Promise<void> {
    await this.#transactions.run(async (unit) => {
      const release = await unit.tx
        .selectFrom('releases')
        .selectAll()
        .where('id', '=', releaseId)
        .executeTakeFirstOrThrow();
      const target = await unit.tx
        .selectFrom('environments')
        .selectAll()
        .where('team_id', '=', release.team_id)
        .where('name', '=', environment)
        .executeTakeFirst();
      if (!target) return this.#tellMissing(unit, release, environment);
      const settings = laneSettings(target);
      const laneId = await this.#lanes.open(
        unit,
        {
          type: 'open-lane',
          laneId: this.#ids.next(),
          teamId: release.team_id,
          serviceId: release.service_id,
          environment,
          settings,
        },
        target.id,
      );
      await bindToSettings(unit, this.#lanes, laneId);
      // A release of a cancelled run must enter no further lane: at an open gate it would start at once.
      if (await calledOffBy(unit, release.run_id)) return;
      await this.#lanes.apply(
        unit,
        { laneId, environmentId: target.id, settings: target.settings },
        {
          type: 'offer',
          deploymentId: this.#ids.next(),
          release: offeredRelease(release),
          binding: bindingOf({ digest: release.digest, planHash: release.plan_hash }, settings.settingsHash),
          requestedBy,
        },
      );
    });
    await failpoint('offer:after-commit');
  }

  /** Live in one environment: on to the next of the route, if there is one. */
  async advance({ releaseId, from }: OutboxMessages['advance-release']): Promise<void> {
    await this.#transactions.run(async (unit) => {
      const release = await unit.tx
        .selectFrom('releases')
        .select(['route', 'run_id'])
        .where('id', '=', releaseId)
        .executeTakeFirstOrThrow();
      const next = release.route[release.route.indexOf(from) + 1];
      if (next === undefined) return;
      const run = await unit.tx.selectFrom('runs').select('state').where('id', '=', release.run_id).executeTakeFirst();
      const requestedBy: Actor = run?.state.trigger.by ?? { kind: 'system', name: 'Sluice' };
      await this.#outbox.add(unit, 'offer-release', { releaseId, environment: next, requestedBy });
    });
  }

  /** Takes a release out of every lane where it still waits. */
  async withdraw({ releaseId, by }: OutboxMessages['withdraw-release']): Promise<void> {
    const waiting = await this.#transactions.run((unit) =>
      unit.tx
        .selectFrom('deployments')
        .innerJoin('environments', 'environments.id', 'deployments.environment_id')
        .select(['deployments.lane_id', 'environments.id', 'environments.settings'])
        .where('release_id', '=', releaseId)
        .where('status', '=', 'waiting')
        .execute(),
    );
    for (const row of waiting) {
      await this.#transactions.run((unit) =>
        this.#lanes.apply(
          unit,
          { laneId: row.lane_id, environmentId: row.id, settings: row.settings },
          { type: 'withdraw', releaseId, by },
        ),
      );
    }
  }

  /** The definition names an environment that the team does not have: the run must say so, not wait for ever. */
  async #tellMissing(unit: Unit, release: Row<'releases'>, environment: string): Promise<void> {
    await this.#outbox.add(unit, 'tell-run', {
      runId: release.run_id,
      environment,
      deploymentId: release.id,
      status: 'errored',
      reason: {
        code: 'no-environment',
        message: `The team has no environment named ${environment}; add it in the control plane or correct the release list of sluice.yaml.`,
      },
      laneVersion: 0,
    });
  }
}

export function offeredRelease(row: Row<'releases'>): OfferedRelease {
  return {
    releaseId: row.id,
    runId: row.run_id,
    runNumber: row.run_number,
    commit: row.commit,
    image: { repository: row.repository, digest: row.digest },
    planHash: row.plan_hash,
  };
}
