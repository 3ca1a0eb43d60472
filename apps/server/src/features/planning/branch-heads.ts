import { Injectable } from '@nestjs/common';
import { Kysely } from 'kysely';
import { fullRefName } from '@sluice/git';
import type { Tables } from '../../platform/db/schema.ts';
import { GitMirror, type CommitInfo } from '../../platform/forge/git-mirror.port.ts';
import { OpenRepository } from '../catalog/index.ts';
import { DefinitionFiles, type DefinitionFile } from './definition-file.ts';

export interface BranchHead {
  readonly ref: string;
  readonly commit: CommitInfo;
  readonly file: DefinitionFile;
}

export type FoundHead =
  | ({ readonly kind: 'found' } & BranchHead)
  | { readonly kind: 'no-branch-name' }
  | { readonly kind: 'no-branch'; readonly branch: string };

interface Service {
  readonly slug: string;
  readonly path: string;
  readonly repositoryId: string;
}

/** The newest commit of a branch as its repository has it now, with the service's definition there. */
@Injectable()
export class BranchHeads {
  readonly #db: Kysely<Tables>;
  readonly #repositories: OpenRepository;
  readonly #mirror: GitMirror;
  readonly #files: DefinitionFiles;
  constructor(db: Kysely<Tables>, repositories: OpenRepository, mirror: GitMirror, files: DefinitionFiles) {
    this.#db = db;
    this.#repositories = repositories;
    this.#mirror = mirror;
    this.#files = files;
  }

  /** Without a name the default branch. Throws RepositoryUnreachableError. */
  async read(service: Service, branch: string | null): Promise<FoundHead> {
    const ref = fullRefName(branch ?? (await this.#defaultBranch(service.repositoryId)));
    if (!ref?.startsWith('refs/heads/')) return { kind: 'no-branch-name' };
    const repository = await this.#repositories.open(service.repositoryId);
    await this.#mirror.fetch(repository);
    const sha = await this.#mirror.resolve(repository, ref);
    if (sha === null) return { kind: 'no-branch', branch: ref.replace(/^refs\/heads\//, '') };
    const [commit, file] = await Promise.all([
      this.#mirror.commit(repository, sha),
      this.#files.read(repository, service, sha),
    ]);
    return { kind: 'found', ref, commit, file };
  }

  async #defaultBranch(repositoryId: string): Promise<string> {
    const row = await this.#db
      .selectFrom('repositories')
      .select('default_branch')
      .where('id', '=', repositoryId)
      .executeTakeFirstOrThrow();
    return row.default_branch;
  }
}
