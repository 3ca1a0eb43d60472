import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { z } from 'zod';
import type { Contributor, LaneState } from '@sluice/engine';
import type { deploymentDetail } from '@sluice/protocol';
import type { Tables } from '../../platform/db/schema.ts';
import { CommitMissingError, RepositoryUnreachableError } from '../../platform/forge/git-mirror.port.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { notFoundOrRemoved } from '../../platform/http/problem.ts';
import { LaneSummaries, orNone, showCause, type LaneSummary } from '../runs/index.ts';
import { deploymentsInScope } from './deployments-in-scope.ts';
import { ReadContributors } from './read-contributors.ts';

@Injectable()
export class ReadDeployment {
  readonly #db: Kysely<Tables>;
  readonly #lanes: LaneSummaries;
  readonly #contributors: ReadContributors;
  constructor(db: Kysely<Tables>, lanes: LaneSummaries, contributors: ReadContributors) {
    this.#db = db;
    this.#lanes = lanes;
    this.#contributors = contributors;
  }

  async lanes(person: UserPrincipal, team?: string): Promise<LaneSummary[]> {
    const teams = person.memberships.filter((membership) => team === undefined || membership.team === team);
    const services = await this.#db
      .selectFrom('services')
      .select('id')
      .where('team_id', 'in', orNone(teams.map((membership) => membership.teamId)))
      .orderBy('slug')
      .execute();
    const summaries = await this.#lanes.of(services.map((service) => service.id));
    return services.flatMap((service) => summaries.get(service.id) ?? []);
  }

  async one(person: UserPrincipal, deploymentId: string): Promise<z.infer<typeof deploymentDetail>> {
    const row = await deploymentsInScope(this.#db, person)
      .select(['releases.run_id', 'releases.run_number', 'releases.commit', 'releases.repository', 'releases.digest'])
      .where('deployments.id', '=', deploymentId)
      .executeTakeFirst();
    if (!row) throw notFoundOrRemoved(`Deployment ${deploymentId}`);
    return {
      id: row.id,
      service: row.service_slug,
      team: row.team_slug,
      environment: row.environment_name,
      status: row.status,
      release: { runNumber: row.run_number, commit: row.commit, repository: row.repository, digest: row.digest },
      runId: row.run_id,
      target: targetKind(row.settings),
      requestedBy: row.requested_by,
      approvals: row.approvals.map(({ userId, name, at, note }) => ({ userId, name, at, note: note ?? null })),
      enteredAt: row.entered_at.toISOString(),
      startedAt: row.started_at?.toISOString() ?? null,
      finishedAt: row.finished_at?.toISOString() ?? null,
      reason: row.reason,
      waiting: showCause({ kind: 'deployment', lane: row.lane_state, deploymentId, ...(await this.#hands(row)) }),
      events: row.target_events,
      ...(row.events_removed ? { eventsRemoved: row.events_removed } : {}),
      replaced: row.replaced_deployment_id === null ? null : await this.#release(row.replaced_deployment_id),
    };
  }

  /** Whoever had a hand in the change by now, where the gate asks for it. */
  async #hands(row: {
    status: string;
    release_id: string;
    lane_state: LaneState;
  }): Promise<{ contributors?: readonly Contributor[] }> {
    const { live, settings } = row.lane_state;
    if (row.status !== 'waiting' || settings.gate.approvals === 0 || !settings.gate.noSelfApproval) return {};
    const release = await this.#db
      .selectFrom('releases')
      .selectAll()
      .where('id', '=', row.release_id)
      .executeTakeFirstOrThrow();
    const since = live ? { deploymentId: live.deploymentId, commit: live.release.commit } : null;
    try {
      const { contributors } = await this.#contributors.sinceLive(release, since);
      return { contributors };
    } catch (error) {
      // A git host that is down hides the gate's card, but not the deployment: its cause then says what the lane itself knows.
      if (error instanceof RepositoryUnreachableError || error instanceof CommitMissingError) return {};
      throw error;
    }
  }

  async #release(deploymentId: string) {
    const row = await this.#db
      .selectFrom('deployments')
      .innerJoin('releases', 'releases.id', 'deployments.release_id')
      .select(['releases.run_number', 'releases.commit', 'releases.repository', 'releases.digest'])
      .where('deployments.id', '=', deploymentId)
      .executeTakeFirst();
    return row
      ? { runNumber: row.run_number, commit: row.commit, repository: row.repository, digest: row.digest }
      : null;
  }
}

function targetKind({ target }: Record<string, unknown>): string {
  const kind = (target as { kind?: unknown } | undefined)?.kind;
  return typeof kind === 'string' ? kind : 'unknown';
}
