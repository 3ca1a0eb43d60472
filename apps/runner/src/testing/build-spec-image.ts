import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { DockerEngine } from '@sluice/testing';
import { pack } from 'tar-stream';

const made = new Set<string>();

/** An image of this Dockerfile alone. */
export async function buildSpecImage(docker: DockerEngine['docker'], dockerfile: string): Promise<string> {
  // Of this process: another one may be about to remove an equal image.
  const tag = `sluice-runner-spec:${process.pid}-${createHash('sha256').update(dockerfile).digest('hex').slice(0, 12)}`;
  made.add(tag);
  const context = pack();
  context.entry({ name: 'Dockerfile', mtime: new Date(0) }, dockerfile);
  context.finalize();
  const answer = await docker.buildImage(Readable.from(context) as unknown as NodeJS.ReadableStream, { t: tag });
  let said = '';
  for await (const chunk of answer as AsyncIterable<Uint8Array>) said += Buffer.from(chunk).toString();
  if (said.includes('"error"')) throw new Error(said);
  return tag;
}

/** Those that this process has built. */
export async function removeSpecImages(docker: DockerEngine['docker']): Promise<void> {
  for (const tag of made) await docker.getImage(tag).remove({ force: true });
  made.clear();
}
