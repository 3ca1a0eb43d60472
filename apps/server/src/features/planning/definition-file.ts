import { Injectable } from '@nestjs/common';
import { checkDefinition, type Definition } from '@sluice/pipeline-spec';
import { GitMirror, UnreadableFileError, type MirrorRepository } from '../../platform/forge/git-mirror.port.ts';
import { LoadPipelines } from '../catalog/index.ts';

const FILE = 'sluice.yaml';

export interface DefinitionFile {
  readonly path: string;
  /** null = there is none, neither at the commit nor in the control plane. */
  readonly text: string | null;
  /** null when there is none or it has mistakes. */
  readonly definition: Definition | null;
  /** Why the file cannot be read although it is there, one sentence. */
  readonly problem?: string;
}

/** Reads a service's definition at a commit; where the repository has none, the one that the control plane keeps for it. */
@Injectable()
export class DefinitionFiles {
  readonly #mirror: GitMirror;
  readonly #pipelines: LoadPipelines;
  constructor(mirror: GitMirror, pipelines: LoadPipelines) {
    this.#mirror = mirror;
    this.#pipelines = pipelines;
  }

  /** A link or a huge file is a `problem` of the answer (A31). Throws CommitMissingError. */
  async read(
    repository: MirrorRepository,
    service: { slug: string; path: string },
    commit: string,
  ): Promise<DefinitionFile> {
    const path = definitionPath(service.path);
    let text: string | null;
    try {
      text = await this.#mirror.readFile(repository, commit, path);
    } catch (error) {
      if (error instanceof UnreadableFileError) return { path, text: null, definition: null, problem: error.message };
      throw error;
    }
    if (text !== null) return { path, text, definition: checkDefinition(text, path).definition ?? null };
    const kept = this.#pipelines.definitionOf(service.slug);
    return kept
      ? { path: kept.file, text: kept.text, definition: kept.definition }
      : { path, text: null, definition: null };
  }
}

/** `services/catalog` -> `services/catalog/sluice.yaml`; `.` is the root of the repository. */
export function definitionPath(servicePath: string): string {
  const folder = servicePath.replace(/^(\.\/)+|\/+$/g, '');
  return folder === '.' || folder === '' ? FILE : `${folder}/${FILE}`;
}
