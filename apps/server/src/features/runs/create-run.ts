import { Injectable } from '@nestjs/common';
import { plan, type PlanEvent, type PullRequest, type Reason, type RunTrigger, type Trust } from '@sluice/engine';
import { checkDefinition, DEFINITION_VERSION, type Definition, type Finding } from '@sluice/pipeline-spec';
import { Ids } from '../../platform/clock/clock.port.ts';
import type { Unit } from '../../platform/db/transactions.ts';
import type { CommitInfo } from '../../platform/forge/git-mirror.port.ts';
import { firstError } from './first-error.ts';
import { planHash } from './plan-hash.ts';
import { RunStore } from './run-store.ts';

export interface CreateRunInput {
  readonly teamId: string;
  readonly serviceId: string;
  readonly ref: string;
  readonly commit: CommitInfo;
  readonly trust: Trust;
  readonly trigger: RunTrigger;
  readonly pullRequest?: PullRequest;
  /** Why nothing of it may begin before a person lets it go. */
  readonly held?: Reason;
  /** What conditions of the definition are decided by. */
  readonly event: Omit<PlanEvent, 'ref'>;
  /** One run per service and key, however often the push is told (I20, F52). */
  readonly dedupeKey: string | null;
  /**
   * Text of the service's `sluice.yaml` at the commit and where it lies; `text` null = there is none, or `problem` says in
   * one sentence why it cannot be read (a link, too large).
   */
  readonly file: { readonly path: string; readonly text: string | null; readonly problem?: string };
}

export interface CreatedRun {
  readonly runId: string;
  readonly number: number;
  readonly created: boolean;
}

/**
 * Makes a run of one service at one commit. A bad or missing definition still makes a run: it ends at once as failed,
 * with every finding on it, so that the person who pushed sees what to change.
 */
@Injectable()
export class CreateRun {
  readonly #ids: Ids;
  readonly #runs: RunStore;
  constructor(ids: Ids, runs: RunStore) {
    this.#ids = ids;
    this.#runs = runs;
  }

  async create(unit: Unit, input: CreateRunInput): Promise<CreatedRun> {
    const service = await unit.tx
      .selectFrom('services')
      .select(['slug', 'next_run_number'])
      .where('id', '=', input.serviceId)
      .forUpdate()
      .executeTakeFirstOrThrow();
    if (input.dedupeKey !== null) {
      const known = await unit.tx
        .selectFrom('runs')
        .select(['id', 'number'])
        .where('service_id', '=', input.serviceId)
        .where('dedupe_key', '=', input.dedupeKey)
        .executeTakeFirst();
      if (known) return { runId: known.id, number: known.number, created: false };
    }
    const read = readDefinition(service.slug, input.file);
    const runPlan = plan({
      definition: read.definition,
      commit: input.commit.sha,
      event: { ...input.event, ref: input.ref },
    });
    const state = await this.#runs.create(unit, {
      command: {
        type: 'create',
        identity: {
          runId: this.#ids.next(),
          teamId: input.teamId,
          serviceId: input.serviceId,
          number: service.next_run_number,
          ref: input.ref,
          commit: input.commit.sha,
          message: input.commit.message,
          author: input.commit.author,
          trust: input.trust,
          trigger: input.trigger,
          ...(input.pullRequest && { pullRequest: input.pullRequest }),
        },
        plan: runPlan,
        ...(read.refused ? { refused: read.refused } : {}),
        ...(input.held ? { held: input.held } : {}),
      },
      definition: read.definition,
      // The one sign that a text column cannot hold; a file with it may still be shown to its author.
      definitionText: (input.file.text ?? '').replaceAll('\0', '\ufffd'),
      findings: read.findings,
      planHash: planHash(read.definition, runPlan),
      dedupeKey: input.dedupeKey,
    });
    await unit.tx
      .updateTable('services')
      .set({ next_run_number: service.next_run_number + 1 })
      .where('id', '=', input.serviceId)
      .execute();
    return { runId: state.runId, number: state.number, created: true };
  }
}

interface ReadDefinition {
  readonly definition: Definition;
  readonly findings: readonly Finding[];
  readonly refused?: Reason;
}

function readDefinition(service: string, file: CreateRunInput['file']): ReadDefinition {
  if (file.problem !== undefined) {
    return {
      definition: emptyDefinition(service),
      findings: [],
      refused: { code: 'unreadable-definition', message: file.problem },
    };
  }
  if (file.text === null) {
    const message = `There is no ${file.path} at this commit; add one (docs/reference/definition.md).`;
    return { definition: emptyDefinition(service), findings: [], refused: { code: 'no-definition', message } };
  }
  const { definition, findings } = checkDefinition(file.text, file.path);
  if (!definition) {
    const message = firstError(findings, file.path);
    return { definition: emptyDefinition(service), findings, refused: { code: 'bad-definition', message } };
  }
  if (definition.service !== service) {
    const message = `${file.path} says service: ${definition.service}, but it is registered as ${service}; make them equal.`;
    return { definition: emptyDefinition(service), findings, refused: { code: 'other-service', message } };
  }
  return { definition, findings };
}

function emptyDefinition(service: string): Definition {
  return {
    schemaVersion: DEFINITION_VERSION,
    service,
    on: { push: null, pullRequest: null, paths: [], manual: false, inputs: {} },
    release: [],
  };
}
