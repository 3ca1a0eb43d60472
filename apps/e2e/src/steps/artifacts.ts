import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { runReference, service } from '../scenario/names.ts';
import { stepKind } from './step-kind.ts';

const schema = z.strictObject({
  service,
  run: runReference,
  job: z.string(),
  name: z.string(),
  files: z.number().int(),
  /** Number of the run that left it, when a re-run took the job over. */
  fromRun: z.number().int().optional(),
  /** Names and texts that lie in the unpacked file. */
  holds: z.array(z.string()).default([]),
});

const HEADERS = {
  'content-type': /^application\/octet-stream$/,
  'content-disposition': /^attachment; filename="[a-z0-9_-]+\.tar\.gz"$/,
  'x-content-type-options': /^nosniff$/,
  'content-security-policy': /sandbox/,
};

/** Finds an artifact by the API, downloads it as a person does, and compares length, digest and headers. */
export const artifact = stepKind(
  'artifact',
  schema,
  async (scene, { service: slug, run, job, name, files, fromRun, holds }) => {
    const { id: runId } = await scene.run(slug, run);
    const list = await scene.reader.artifacts.listArtifacts({ runId });
    const found = list.find((one) => one.job === job && one.name === name);
    if (found === undefined)
      throw new Error(
        `The run has no artifact ${name} of ${job}; it has ${list.map((one) => `${one.name} of ${one.job}`).join(', ') || 'none'}.`,
      );
    const problems: string[] = [];
    if (found.files !== files) problems.push(`it has ${found.files} files`);
    if (found.fromRun?.number !== fromRun) problems.push(`it is of run ${found.fromRun?.number ?? 'itself'}`);
    const answer = await fetch(`${scene.world.servers.url}/api/v1/artifacts/${found.id}/download`, {
      headers: { authorization: `Bearer ${scene.world.people['vera']!.token}` },
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (!answer.ok) throw new Error(`The download answered ${answer.status}: ${bytes.toString().slice(0, 200)}`);
    for (const [header, expected] of Object.entries(HEADERS))
      if (!expected.test(answer.headers.get(header) ?? ''))
        problems.push(`its header ${header} is ${answer.headers.get(header)}`);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (bytes.length !== found.length || sha256 !== found.sha256)
      problems.push(`${bytes.length} bytes with SHA-256 ${sha256} arrived, not ${found.length} with ${found.sha256}`);
    const unpacked = gunzipSync(bytes);
    for (const text of holds) if (!unpacked.includes(text)) problems.push(`it lacks ${JSON.stringify(text)}`);
    if (problems.length > 0) throw new Error(`The artifact ${name} of ${job}: ${problems.join('; ')}.`);
  },
);
