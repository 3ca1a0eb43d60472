import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import type { ConditionValue } from '@sluice/pipeline-spec';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { RepositoryUnreachableError } from '../../platform/forge/git-mirror.port.ts';
import { actorOf, requireRole, type UserPrincipal } from '../../platform/http/principal.ts';
import { invalid, Problem } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';
import { CreateRun, serviceInScope } from '../runs/index.ts';
import { BranchHeads, type BranchHead } from './branch-heads.ts';
import { chosenInputs } from './chosen-inputs.ts';

/** A run that a person starts for the newest commit of a branch, whatever the definition says about pushes. */
@Injectable()
export class StartRun {
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  readonly #heads: BranchHeads;
  readonly #createRun: CreateRun;
  readonly #audit: Audit;
  constructor(db: Kysely<Tables>, transactions: Transactions, heads: BranchHeads, createRun: CreateRun, audit: Audit) {
    this.#db = db;
    this.#transactions = transactions;
    this.#heads = heads;
    this.#createRun = createRun;
    this.#audit = audit;
  }

  async start(
    by: UserPrincipal,
    input: { service: string; ref?: string | undefined; inputs?: Readonly<Record<string, ConditionValue>> | undefined },
  ): Promise<{ runId: string; number: number }> {
    const service = await serviceInScope(this.#db, by, input.service);
    requireRole(by, service.teamId, 'developer', `Service ${input.service}`);
    const head = await this.#head(service, input.ref);
    const { ref, commit, file } = head;
    if (file.problem !== undefined) throw invalid(file.problem, 'unreadable-definition');
    const inputs = chosenInputs(file.definition?.on.inputs ?? {}, input.inputs ?? {});
    return this.#transactions.run(async (unit) => {
      const run = await this.#createRun.create(unit, {
        teamId: service.teamId,
        serviceId: service.id,
        ref,
        commit,
        trust: 'trusted',
        trigger: { kind: 'manual', by: actorOf(by) },
        event: { event: 'manual', changedPaths: null, inputs },
        dedupeKey: null,
        file: { path: file.path, text: file.text },
      });
      await this.#audit.record(unit, {
        teamId: service.teamId,
        actor: actorOf(by),
        action: 'run.start',
        subject: `run:${run.runId}`,
        detail: { service: service.slug, number: run.number, ref, commit: commit.sha, inputs },
      });
      return { runId: run.runId, number: run.number };
    });
  }

  async #head(service: Parameters<BranchHeads['read']>[0], branch: string | undefined): Promise<BranchHead> {
    const head = await this.#heads.read(service, branch ?? null).catch((error: unknown) => {
      if (error instanceof RepositoryUnreachableError) throw new Problem(503, 'repository-unreachable', error.message);
      throw error;
    });
    switch (head.kind) {
      case 'found':
        return head;
      case 'no-branch-name':
        throw invalid('ref: write the name of a branch, such as main.', 'branch-name');
      case 'no-branch':
        throw invalid(
          `The repository has no branch ${head.branch}; push it first, or name another one.`,
          'branch-unknown',
        );
    }
  }
}
