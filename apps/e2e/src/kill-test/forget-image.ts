import type { Scene } from '../scenario/scene.ts';

/** Takes every name of the run's image from the engine, so that it must be pulled again. Containers of it run on. */
export async function forgetImage(scene: Scene, push: string): Promise<void> {
  const { docker } = scene.world.parts.engine;
  const { image } = await scene.run(undefined, push);
  if (image === null) throw new Error(`The run of ${push} has no image.`);
  const pinned = `${image.repository}@${image.digest}`;
  const { RepoTags, RepoDigests } = await docker.getImage(pinned).inspect();
  for (const name of [...RepoTags, ...RepoDigests]) {
    // The engine takes the name away and then complains that containers still use the image.
    await docker
      .getImage(name)
      .remove({ force: true })
      .catch(() => undefined);
  }
  const left = await docker
    .getImage(pinned)
    .inspect()
    .catch(() => undefined);
  if (left !== undefined) throw new Error(`The engine still knows ${pinned}.`);
}
