import { Injectable } from '@nestjs/common';
import type { MirrorRepository } from '../../platform/forge/git-mirror.port.ts';
import type { Concern } from './concerned.ts';
import { DefinitionFiles, type DefinitionFile } from './definition-file.ts';

export interface PlannedService {
  readonly id: string;
  readonly slug: string;
  readonly file: DefinitionFile;
  readonly decision:
    { readonly kind: 'run' } | { readonly kind: 'not-affected'; readonly why: string; readonly byPaths: boolean };
}

export interface RepositoryService {
  readonly id: string;
  readonly slug: string;
  readonly path: string;
}

export interface ReadService extends RepositoryService {
  readonly file: DefinitionFile;
}

/** git processes of one repository at once: more of them only take turns. */
const READ_AT_ONCE = 4;

/** Reads the definition of every service of a repository at a commit and decides which of them a change concerns. */
@Injectable()
export class PlanServices {
  readonly #files: DefinitionFiles;
  constructor(files: DefinitionFiles) {
    this.#files = files;
  }

  /** In the order of `services`. Throws CommitMissingError. */
  async read(
    repository: MirrorRepository,
    services: readonly RepositoryService[],
    commit: string,
  ): Promise<ReadService[]> {
    const found: ReadService[] = [];
    const waiting = [...services.entries()];
    const readNext = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [index, service] = next;
        found[index] = { ...service, file: await this.#files.read(repository, service, commit) };
      }
    };
    await Promise.all(Array.from({ length: READ_AT_ONCE }, readNext));
    return found;
  }

  decide(services: readonly ReadService[], concernOf: (service: ReadService) => Concern): PlannedService[] {
    return services.map((service) => {
      const concern = concernOf(service);
      return {
        id: service.id,
        slug: service.slug,
        file: service.file,
        decision: concern.concerned
          ? { kind: 'run' }
          : { kind: 'not-affected', why: concern.why, byPaths: concern.byPaths },
      };
    });
  }
}
