import { Controller, Get, Param, Res } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { contract, id } from '@sluice/protocol';
import type { FastifyReply } from 'fastify';
import { BlobStore } from '../../platform/blobs/blob-store.port.ts';
import { CurrentUser } from '../../platform/http/access.ts';
import type { UserPrincipal } from '../../platform/http/principal.ts';
import { notFound } from '../../platform/http/problem.ts';
import { ListArtifacts } from './list-artifacts.ts';

/** Artifacts for people: lists, and the files to be saved. */
@Controller()
export class ArtifactsController {
  readonly #list: ListArtifacts;
  readonly #blobs: BlobStore;
  constructor(list: ListArtifacts, blobs: BlobStore) {
    this.#list = list;
    this.#blobs = blobs;
  }

  @Implement(contract.artifacts.listArtifacts)
  listArtifacts(@CurrentUser() person: UserPrincipal) {
    return implement(contract.artifacts.listArtifacts).handler(({ input }) => this.#list.ofRun(person, input.runId));
  }

  @Implement(contract.artifacts.listCacheUses)
  listCacheUses(@CurrentUser() person: UserPrincipal) {
    return implement(contract.artifacts.listCacheUses).handler(({ input }) =>
      this.#list.cachesOfRun(person, input.runId),
    );
  }

  /**
   * Always through this server, whose headers keep a browser from showing what a job wrote as a page of ours (A63). The name is made of
   * names that the definition's check let through (A62).
   */
  @Get('artifacts/:artifactId/download')
  async download(
    @Param('artifactId') artifactId: string,
    @CurrentUser() person: UserPrincipal,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (!id.safeParse(artifactId).success) throw notFound('This artifact');
    const artifact = await this.#list.visible(person, artifactId);
    const stream = await this.#blobs.read(artifact.blob_key);
    void reply.headers({
      'content-type': 'application/octet-stream',
      'content-length': String(artifact.length),
      'content-disposition': `attachment; filename="${artifact.service}-${artifact.run_number}-${artifact.name}.tar.gz"`,
      'content-security-policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
      etag: `"${artifact.sha256}"`,
    });
    await reply.send(stream);
  }
}
