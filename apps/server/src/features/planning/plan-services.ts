import { Injectable } from '@nestjs/common';
import type { MirrorRepository } from '../../platform/forge/git-mirror.port.ts';
import { concerns, type Change } from './concerned.ts';
import { DefinitionFiles, type DefinitionFile } from './definition-file.ts';

export interface PlannedService {
  readonly id: string;
  readonly slug: string;
  readonly decision:
    { readonly kind: 'run'; readonly file: DefinitionFile } | { readonly kind: 'not-affected'; readonly why: string };
}

/** Reads the definition of every service of a repository at a commit and decides which of them the change concerns. */
@Injectable()
export class PlanServices {
  readonly #files: DefinitionFiles;
  constructor(files: DefinitionFiles) {
    this.#files = files;
  }

  async plan(
    repository: MirrorRepository,
    services: readonly { id: string; slug: string; path: string }[],
    commit: string,
    change: Change,
  ): Promise<PlannedService[]> {
    const planned: PlannedService[] = [];
    for (const service of services)
      planned.push({
        id: service.id,
        slug: service.slug,
        decision: await this.#decide(repository, service, commit, change),
      });
    return planned;
  }

  async #decide(
    repository: MirrorRepository,
    service: { slug: string; path: string },
    commit: string,
    change: Change,
  ): Promise<PlannedService['decision']> {
    const file = await this.#files.read(repository, service, commit);
    const concern = concerns(service, file, change);
    return concern.concerned ? { kind: 'run', file } : { kind: 'not-affected', why: concern.why };
  }
}
