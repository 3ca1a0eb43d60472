import { Inject, Injectable } from '@nestjs/common';
import { artifactSource, type RunState } from '@sluice/engine';
import type { ArtifactReference } from '@sluice/pipeline-spec';
import { Kysely } from 'kysely';
import type { Db } from '../../platform/db/database.ts';

/** `artifact` is null when its job left none and need not have, undefined when it should be there and is not. */
export interface UsedArtifact {
  readonly from: string;
  readonly artifact: { readonly id: string; readonly length: number; readonly sha256: string } | null | undefined;
}

/** Artifacts that a job takes from jobs before it, of its own run or of the run that a re-run goes on from. */
@Injectable()
export class FindUsedArtifacts {
  readonly #db: Db;
  constructor(@Inject(Kysely) db: Db) {
    this.#db = db;
  }

  /** What the references of a job stand for. */
  async find(state: RunState, references: readonly ArtifactReference[]): Promise<UsedArtifact[]> {
    return Promise.all(
      references.map(async (reference): Promise<UsedArtifact> => {
        const from = `${reference.stage}.${reference.job}.artifacts.${reference.artifact}`;
        const source = artifactSource(state, reference);
        if (source.kind === 'none') return { from, artifact: null };
        const artifact = await this.#db
          .selectFrom('artifacts')
          .innerJoin('attempts', 'attempts.id', 'artifacts.attempt_id')
          .select(['artifacts.id', 'artifacts.length', 'artifacts.sha256'])
          .where('artifacts.team_id', '=', state.teamId)
          .where('artifacts.run_id', '=', source.runId)
          .where('artifacts.job_key', '=', source.jobKey)
          .where('artifacts.name', '=', source.name)
          .where('artifacts.status', '=', 'kept')
          .where('attempts.status', '=', 'passed')
          .executeTakeFirst();
        return { from, artifact };
      }),
    );
  }
}
