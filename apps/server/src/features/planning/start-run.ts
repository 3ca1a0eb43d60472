import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import { fullRefName } from '@sluice/git';
import type { ConditionValue } from '@sluice/pipeline-spec';
import type { Tables } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { GitMirror, RepositoryUnreachableError, type MirrorRepository } from '../../platform/forge/git-mirror.port.ts';
import { actorOf, requireRole, type UserPrincipal } from '../../platform/http/principal.ts';
import { invalid, Problem } from '../../platform/http/problem.ts';
import { Audit } from '../audit/index.ts';
import { OpenRepository } from '../catalog/index.ts';
import { CreateRun, serviceInScope } from '../runs/index.ts';
import { chosenInputs } from './chosen-inputs.ts';
import { DefinitionFiles } from './definition-file.ts';

/** A run that a person starts for the newest commit of a branch, whatever the definition says about pushes. */
@Injectable()
export class StartRun {
  readonly #db: Kysely<Tables>;
  readonly #transactions: Transactions;
  readonly #repositories: OpenRepository;
  readonly #mirror: GitMirror;
  readonly #files: DefinitionFiles;
  readonly #createRun: CreateRun;
  readonly #audit: Audit;
  constructor(
    db: Kysely<Tables>,
    transactions: Transactions,
    repositories: OpenRepository,
    mirror: GitMirror,
    files: DefinitionFiles,
    createRun: CreateRun,
    audit: Audit,
  ) {
    this.#db = db;
    this.#transactions = transactions;
    this.#repositories = repositories;
    this.#mirror = mirror;
    this.#files = files;
    this.#createRun = createRun;
    this.#audit = audit;
  }

  async start(
    by: UserPrincipal,
    input: { service: string; ref?: string | undefined; inputs?: Readonly<Record<string, ConditionValue>> | undefined },
  ): Promise<{ runId: string; number: number }> {
    const service = await serviceInScope(this.#db, by, input.service);
    requireRole(by, service.teamId, 'developer', `Service ${input.service}`);
    const row = await this.#db
      .selectFrom('repositories')
      .select('default_branch')
      .where('id', '=', service.repositoryId)
      .executeTakeFirstOrThrow();
    const ref = fullRefName(input.ref ?? row.default_branch);
    if (!ref?.startsWith('refs/heads/')) throw invalid('ref: write the name of a branch, such as main.', 'branch-name');
    const repository = await this.#repositories.open(service.repositoryId);
    const sha = await this.#headOf(repository, ref);
    const commit = await this.#mirror.commit(repository, sha);
    const file = await this.#files.read(repository, service, sha);
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
        detail: { service: service.slug, number: run.number, ref, commit: sha },
      });
      return { runId: run.runId, number: run.number };
    });
  }

  async #headOf(repository: MirrorRepository, ref: string): Promise<string> {
    try {
      await this.#mirror.fetch(repository);
    } catch (error) {
      if (error instanceof RepositoryUnreachableError) throw new Problem(503, 'repository-unreachable', error.message);
      throw error;
    }
    const sha = await this.#mirror.resolve(repository, ref);
    if (sha === null)
      throw invalid(
        `The repository has no branch ${ref.replace(/^refs\/heads\//, '')}; push it first, or name another one.`,
        'branch-unknown',
      );
    return sha;
  }
}
