import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { DockerEngine } from '@sluice/testing';
import { pack } from 'tar-stream';

/** An image of this Dockerfile alone, by a tag that says what is in it. */
export async function buildSpecImage(docker: DockerEngine['docker'], dockerfile: string): Promise<string> {
  const tag = `sluice-runner-spec:${createHash('sha256').update(dockerfile).digest('hex').slice(0, 12)}`;
  const context = pack();
  context.entry({ name: 'Dockerfile', mtime: new Date(0) }, dockerfile);
  context.finalize();
  const answer = await docker.buildImage(Readable.from(context) as unknown as NodeJS.ReadableStream, { t: tag });
  let said = '';
  for await (const chunk of answer as AsyncIterable<Uint8Array>) said += Buffer.from(chunk).toString();
  if (said.includes('"error"')) throw new Error(said);
  return tag;
}
