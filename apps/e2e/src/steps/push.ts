import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { STRANGER, PEOPLE } from '../world/cast.ts';
import { copyFiles } from '../scenario/copy-files.ts';
import { pusher } from '../scenario/names.ts';
import type { Scene } from '../scenario/scene.ts';
import { stepKind } from './step-kind.ts';

const schema = z.strictObject({
  /** Folder of the scenario that is copied over the work tree. Default: one named as the push, if there is one. */
  files: z.string().optional(),
  /** Default: the name of `files`. */
  as: z.string().optional(),
  repository: z.string().optional(),
  /** Who signs in at the git host. */
  by: pusher.default('dana'),
  /** Who the commit names as its author. Default: who pushes. */
  author: pusher.optional(),
  branch: z.string().default('main'),
  /** Commits made one after the other by these authors, all in one push. */
  authors: z.array(pusher).optional(),
});

/** A real `git push`: the first one of a repository brings the template's files as well. */
export const push = stepKind('push', schema, async (scene, input) => {
  const repository = scene.repository(input.repository).name;
  const tree = scene.workTree(repository);
  const { registry } = scene.world.parts;
  const isNew = !existsSync(join(tree.folder, '.git'));
  if (isNew) {
    await tree.init();
    // A repository of several services brings its files itself.
    if (scene.scenario.services.every(({ path }) => path === '.'))
      copyFiles(
        join(scene.world.root, 'apps/e2e/templates/web-service'),
        tree.folder,
        registry.host,
        valuesOf(scene, repository),
      );
  }
  const name = input.as ?? input.files ?? `push-${scene.pushes.size + 1}`;
  const files = input.files ?? name;
  const folder = join(scene.scenario.folder, files);
  if (input.files !== undefined || existsSync(folder))
    copyFiles(folder, tree.folder, registry.host, valuesOf(scene, repository));
  // Where the tree is now becomes the head of the branch: a push after one of another branch brings that one along.
  if (!isNew || input.branch !== 'main') await tree.git('checkout', '-q', '-B', input.branch);
  const authors = input.authors ?? [input.author ?? input.by];
  let commit = '';
  for (const author of authors) commit = await tree.commitAll(`${name} of ${scene.scenario.name}`, identity(author));
  const output = await tree.push(scene.world.gitHost.repositoryUrl(repository, input.by), input.branch);
  scene.remember({ name, repository, commit, ref: `refs/heads/${input.branch}`, by: input.by, output });
});

function valuesOf(scene: Scene, repository: string): Record<string, string> {
  const service = scene.scenario.services.find((plan) => plan.repository === repository);
  return { ...scene.scenario.values, repository, soon: soon(new Date()), ...(service && { service: service.name }) };
}

/** A time of day in UTC that comes in a minute or so, as a schedule has it. */
function soon(now: Date): string {
  const at = new Date(now.getTime() + 75_000);
  return `${at.getUTCMinutes()} ${at.getUTCHours()} * * *`;
}

function identity(login: string): { name: string; email: string } {
  if (login === STRANGER.login) return STRANGER;
  const person = PEOPLE.find((candidate) => candidate.login === login)!;
  return { name: person.name, email: `${login}@example.com` };
}
