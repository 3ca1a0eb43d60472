import { rm } from 'node:fs/promises';
import { JobRefused } from '../executor/executor.port.ts';
import type { StepsWork } from '../executor/executor.port.ts';
import { ServerRefusal } from '../server/server-answer.ts';
import { fetchFile } from '../server/transfer-file.ts';
import { FilesRefused } from './entry-rules.ts';
import type { FileParts } from './file-parts.ts';
import { insist, keepFile, TRANSFER_TRIES } from './keep-file.ts';
import { packFiles } from './pack-files.ts';
import { openPacked } from './unpack-files.ts';
import { inWords } from './size-in-words.ts';

/** Puts the artifacts that the job uses into its workspace, before the first step. A job without them would run on something else than it asked for. */
export async function takeArtifacts(work: StepsWork, parts: FileParts): Promise<void> {
  for (const [index, { from, artifact }] of (work.use ?? []).entries()) {
    if (artifact === null) {
      parts.log.line(`${from}: its job left none`);
      continue;
    }
    const file = parts.file(`use-${index}`);
    try {
      await insist(
        async () => {
          const { url } = await parts.api.useArtifact(parts.lease, artifact.id, parts.signal);
          await fetchFile(parts.api, url, file, artifact, parts.signal);
        },
        { ...parts, tries: TRANSFER_TRIES },
      );
      await parts.sandbox.writeFiles(await openPacked(file));
      parts.log.line(`${from}: ${inWords(artifact.length)}, sha256 ${artifact.sha256}`);
    } catch (error) {
      if (error instanceof FilesRefused)
        throw new JobRefused('artifact-refused', `The artifact ${from} cannot be put in place: ${error.message}.`);
      throw error;
    } finally {
      await rm(file, { force: true });
    }
  }
}

/**
 * Leaves what the job declares. `mustExist`: a job that passed without the files for one has failed after all; throws JobRefused then, and for
 * what cannot be an artifact.
 */
export async function leaveArtifacts(work: StepsWork, parts: FileParts, mustExist: boolean): Promise<void> {
  for (const { name, paths } of work.artifacts ?? []) {
    const file = parts.file(`artifact-${name}`);
    try {
      const packed = await packFiles(parts.sandbox, paths, file, work.limits?.artifactBytes ?? Infinity);
      if (packed === undefined) {
        const message = `No file matches ${paths.join(', ')}: the artifact "${name}" was not left.`;
        if (mustExist) throw new JobRefused('artifact-missing', message);
        parts.log.line(message);
        continue;
      }
      const { files, length, sha256, leftOut } = packed;
      await keepFile({
        ...parts,
        path: file,
        tries: TRANSFER_TRIES,
        ask: () => parts.api.leaveArtifact(parts.lease, { name, files, length, sha256 }, parts.signal),
        keep: (id) => parts.api.keepArtifact(parts.lease, id, parts.signal),
      });
      parts.log.line(`artifact ${name}: ${files} files, ${inWords(length)}, sha256 ${sha256}`);
      if (leftOut > 0) parts.log.line(`artifact ${name}: left out ${leftOut} links that lead out of the folder`);
    } catch (error) {
      if (error instanceof FilesRefused)
        throw new JobRefused('artifact-refused', `The artifact "${name}" was not left: ${error.message}.`);
      if (error instanceof ServerRefusal) throw new JobRefused('artifact-refused', error.message);
      throw error;
    } finally {
      await rm(file, { force: true });
    }
  }
}
