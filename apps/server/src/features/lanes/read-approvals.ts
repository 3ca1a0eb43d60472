import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { z } from 'zod';
import {
  approvalsNeeded,
  approverStanding,
  isGateOpen,
  moreApprovals,
  unlinkedHands,
  type Approver,
  type Contributor,
  type LaneDeployment,
  type LaneState,
  type Role,
} from '@sluice/engine';
import type { approvalDetail, approvalItem } from '@sluice/protocol';
import type { Row, Tables } from '../../platform/db/schema.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { notFoundOrRemoved } from '../../platform/http/problem.ts';
import { orNone } from '../runs/index.ts';
import { collectEvidence } from './collect-evidence.ts';
import { deploymentsInScope } from './deployments-in-scope.ts';
import { describeDecision } from './describe-decision.ts';
import { GitMirror } from '../../platform/forge/git-mirror.port.ts';
import { OpenRepository } from '../catalog/index.ts';
import { ReadContributors, type ChangeSinceLive } from './read-contributors.ts';
import { settingsChanges } from './settings-changes.ts';

export type ApprovalItem = z.infer<typeof approvalItem>;
export type ApprovalDetail = z.infer<typeof approvalDetail>;

interface GateRow {
  readonly deployment: Row<'deployments'>;
  readonly release: Row<'releases'>;
  readonly service: string;
  readonly team: string;
  readonly environment: string;
  readonly lane: LaneState;
}

/** The inbox and the gate card. Only facts the server has checked are evidence; what is missing is said to be missing. */
@Injectable()
export class ReadApprovals {
  readonly #db: Kysely<Tables>;
  readonly #contributors: ReadContributors;
  readonly #mirror: GitMirror;
  readonly #repositories: OpenRepository;
  constructor(db: Kysely<Tables>, contributors: ReadContributors, mirror: GitMirror, repositories: OpenRepository) {
    this.#db = db;
    this.#contributors = contributors;
    this.#mirror = mirror;
    this.#repositories = repositories;
  }

  async list(person: UserPrincipal, show: 'me' | 'all' | 'decided'): Promise<ApprovalItem[]> {
    const rows = await this.#rows(person, { decided: show === 'decided' });
    const items: ApprovalItem[] = [];
    for (const row of rows) {
      if (show !== 'decided' && row.lane.settings.gate.approvals === 0) continue;
      // Git is asked only where the answer depends on it: not for everybody who only looks.
      const change = dependsOnChange(row, person) ? await this.#change(row) : undefined;
      const item = itemOf(row, person, change);
      if (show !== 'me' || item.me.can) items.push(item);
    }
    return items;
  }

  async detail(person: UserPrincipal, deploymentId: string): Promise<ApprovalDetail> {
    const [row] = await this.#rows(person, { deploymentId });
    if (!row) throw notFoundOrRemoved(`Deployment ${deploymentId}`);
    const change = await this.#change(row);
    const gate = row.lane.settings.gate;
    const people = await this.#people(row.deployment.team_id, gate.roles);
    return {
      ...itemOf(row, person, change),
      runId: row.release.run_id,
      binding: row.deployment.binding,
      rule: { approvals: gate.approvals, roles: [...gate.roles], noSelfApproval: gate.noSelfApproval },
      approvers: people.map((candidate) => approverItemOf(candidate, row, change)),
      unlinked: change.contributors
        .filter((hand) => hand.userId === undefined)
        .map(({ part, identity }) => ({ part, identity })),
      changes: {
        commits: change.commits.map(({ sha, message, author, at }) => ({ sha, message, author, at })),
        ...(await this.#diff(row)),
        note: change.note,
      },
      settingsChanges: settingsChanges(await this.#liveSettings(row.lane), row.deployment.settings),
      evidence: await collectEvidence(this.#db, row.release, row.environment, change),
      alsoDeploying: await this.#neighbours(row),
      decided: describeDecision(row.deployment),
    };
  }

  async #rows(person: UserPrincipal, which: { deploymentId: string } | { decided: boolean }): Promise<GateRow[]> {
    let query = deploymentsInScope(this.#db, person);
    if ('deploymentId' in which) query = query.where('deployments.id', '=', which.deploymentId);
    else if (which.decided) {
      query = query
        .where('deployments.status', '!=', 'waiting')
        .where(sql<boolean>`(deployments.approvals <> '[]' or deployments.reason ->> 'code' = 'rejected')`)
        .orderBy('deployments.entered_at', 'desc')
        .limit(100);
    } else query = query.where('deployments.status', '=', 'waiting').orderBy('deployments.entered_at').limit(500);
    const rows = await query.execute();
    const releases = await this.#db
      .selectFrom('releases')
      .selectAll()
      .where('id', 'in', orNone(rows.map((row) => row.release_id)))
      .execute();
    return rows.map((row) => ({
      deployment: row,
      release: releases.find((release) => release.id === row.release_id)!,
      service: row.service_slug,
      team: row.team_slug,
      environment: row.environment_name,
      lane: row.lane_state,
    }));
  }

  #change(row: GateRow): Promise<ChangeSinceLive> {
    return this.#contributors.sinceLive(row.release, liveBefore(row));
  }

  async #diff(row: GateRow): Promise<{ files: number; insertions: number; deletions: number }> {
    const live = liveBefore(row);
    if (!live) return { files: 0, insertions: 0, deletions: 0 };
    const service = await this.#db
      .selectFrom('services')
      .select('repository_id')
      .where('id', '=', row.deployment.service_id)
      .executeTakeFirstOrThrow();
    const repository = await this.#repositories.open(service.repository_id);
    return this.#mirror.diffSummary(repository, live.commit, row.release.commit);
  }

  async #people(teamId: string, roles: readonly Role[]): Promise<(Approver & { role: Role })[]> {
    const rows = await this.#db
      .selectFrom('memberships')
      .innerJoin('users', 'users.id', 'memberships.user_id')
      .select(['users.id', 'users.name', 'memberships.role'])
      .where('memberships.team_id', '=', teamId)
      .where('users.disabled', '=', false)
      .where('memberships.role', 'in', roles.length > 0 ? [...roles] : ['admin'])
      .orderBy('users.name')
      .execute();
    return rows.map((row) => ({ userId: row.id, name: row.name, roles: [row.role], role: row.role }));
  }

  async #liveSettings(lane: LaneState): Promise<Record<string, unknown> | null> {
    if (!lane.live) return null;
    const row = await this.#db
      .selectFrom('deployments')
      .select('settings')
      .where('id', '=', lane.live.deploymentId)
      .executeTakeFirst();
    return row?.settings ?? null;
  }

  async #neighbours(row: GateRow): Promise<ApprovalDetail['alsoDeploying']> {
    const rows = await this.#db
      .selectFrom('deployments')
      .innerJoin('services', 'services.id', 'deployments.service_id')
      .innerJoin('releases', 'releases.id', 'deployments.release_id')
      .select(['services.slug', 'deployments.status', 'releases.run_number'])
      .where('deployments.environment_id', '=', row.deployment.environment_id)
      .where('deployments.status', 'in', ['waiting', 'running', 'unknown'])
      .where('deployments.id', '!=', row.deployment.id)
      .orderBy('services.slug')
      .limit(50)
      .execute();
    return rows.map((other) => ({
      service: other.slug,
      environment: row.environment,
      status: other.status,
      runNumber: other.run_number,
    }));
  }
}

/** What was live when this deployment was decided: the present for a waiting one, its record for an ended one. */
function liveBefore(row: GateRow): { deploymentId: string; commit: string } | null {
  const { live } = row.lane;
  if (!live || live.deploymentId === row.deployment.id) return null;
  return { deploymentId: live.deploymentId, commit: live.release.commit };
}

/** `change` is absent where nobody asked git: then the lane's own knowledge of the last approval counts. */
function itemOf(row: GateRow, person: UserPrincipal, change?: ChangeSinceLive): ApprovalItem {
  const { live, settings } = row.lane;
  const unlinked = unlinkedIn(row, change);
  const more = row.deployment.status === 'waiting' ? moreApprovals(settings.gate, unlinked) : undefined;
  const from = live && live.deploymentId !== row.deployment.id ? live.release : null;
  return {
    deploymentId: row.deployment.id,
    service: row.service,
    team: row.team,
    environment: row.environment,
    status: row.deployment.status,
    from: from && {
      runNumber: from.runNumber,
      commit: from.commit,
      repository: from.image.repository,
      digest: from.image.digest,
    },
    to: {
      runNumber: row.release.run_number,
      commit: row.release.commit,
      repository: row.release.repository,
      digest: row.release.digest,
    },
    requestedBy: row.deployment.requested_by,
    enteredAt: row.deployment.entered_at.toISOString(),
    given: row.deployment.approvals.length,
    needed: approvalsNeeded(settings.gate, unlinked),
    ...(more && { neededWhy: `${capitalised(more.because)}. ${more.remedy}` }),
    me: standingOf(row, person, change),
  };
}

function unlinkedIn(row: GateRow, change?: ChangeSinceLive): readonly Contributor[] {
  if (row.deployment.status === 'waiting' && change) return unlinkedHands(change.contributors);
  return inLane(row)?.unlinked ?? [];
}

function inLane({ lane, deployment }: GateRow): LaneDeployment | undefined {
  return lane.open.find(({ id }) => id === deployment.id);
}

/** Whether a hand in the change could take a right away that the person has otherwise, or make the gate ask for more. */
function dependsOnChange(row: GateRow, person: UserPrincipal): boolean {
  const { gate } = row.lane.settings;
  const mayDecide = row.deployment.status === 'waiting' && approverStanding(gate, approverOf(row, person), []).can;
  return gate.noSelfApproval && mayDecide;
}

function standingOf(row: GateRow, person: UserPrincipal, change?: ChangeSinceLive): ApprovalItem['me'] {
  if (row.deployment.status !== 'waiting') {
    return { can: false, code: 'not-waiting', why: 'This is decided.' };
  }
  const approved = row.deployment.approvals.some((approval) => approval.userId === person.userId);
  if (approved && !opensWhenGivenAgain(row, change)) {
    return { can: false, code: 'approved-already', why: 'You have approved this.' };
  }
  const standing = approverStanding(row.lane.settings.gate, approverOf(row, person), change?.contributors ?? []);
  return standing.can ? { can: true, code: null, why: null } : { can: false, code: standing.code, why: standing.why };
}

/** A hand was linked to a person since the last approval, so that those which were given are enough by now. */
function opensWhenGivenAgain(row: GateRow, change?: ChangeSinceLive): boolean {
  const { gate } = row.lane.settings;
  const known = inLane(row);
  if (!known || isGateOpen(gate, known)) return false;
  return isGateOpen(gate, { approvals: known.approvals, unlinked: unlinkedIn(row, change) });
}

function approverOf({ deployment }: GateRow, { userId, name, memberships }: UserPrincipal): Approver {
  const role = memberships.find(({ teamId }) => teamId === deployment.team_id)?.role;
  return { userId, name, roles: role ? [role] : [] };
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function approverItemOf(
  candidate: Approver,
  row: GateRow,
  change: ChangeSinceLive,
): ApprovalDetail['approvers'][number] {
  const given = row.deployment.approvals.find((approval) => approval.userId === candidate.userId);
  const base = { userId: candidate.userId, name: candidate.name, roles: [...candidate.roles] };
  if (given) return { ...base, state: 'approved', why: null, at: given.at, note: given.note ?? null };
  const standing = approverStanding(row.lane.settings.gate, candidate, change.contributors);
  return {
    ...base,
    state: standing.can ? 'can' : 'cannot',
    why: standing.can ? null : standing.why,
    at: null,
    note: null,
  };
}
