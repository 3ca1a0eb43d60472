import { eventually } from '@sluice/testing';
import { z } from 'zod';
import { service } from '../scenario/names.ts';
import { TEAM } from '../world/cast.ts';
import { stepKind } from './step-kind.ts';

/** Has the runs of a repository shown as checks by the App of the world's GitHub, under one of its two ids. */
export const reportChecks = stepKind(
  'reportChecks',
  z.strictObject({ app: z.enum(['id', 'clientId']), repository: z.string().optional() }),
  async (scene, { app: id, repository: named }) => {
    const repository = scene.repository(named);
    const { forge: fake } = scene.world;
    await scene.world.admin().catalog.setRepositoryStatuses({
      team: TEAM.slug,
      repositoryId: repository.id,
      statuses: {
        forge: 'github',
        apiUrl: fake.apiUrl('github'),
        repository: `shop/${repository.name}`,
        app: { id: fake.app[id], privateKey: fake.app.privateKey },
      },
    });
  },
);

/** Waits for the checks that GitHub has at last of a service on a commit, oldest first: what each one went through, and where it is now. */
export const githubShows = stepKind(
  'githubShows',
  z.strictObject({
    service,
    /** Name of the push. Default: the last one. */
    push: z.string().optional(),
    checks: z.array(
      z.strictObject({
        /** Status, or conclusion of what has ended. */
        is: z.string(),
        /** What it was at first. */
        began: z.string().optional(),
        title: z.string(),
        says: z.string().optional(),
        link: z.string(),
      }),
    ),
  }),
  async (scene, { service: slug, push, checks }) => {
    const { commit } = scene.push(push);
    const { app } = scene.world.forge;
    const shown = () =>
      app.checks(commit, `sluice/${slug ?? scene.mainService}`).map((check) => {
        const first = app.history.find(({ id }) => id === check.id)!;
        return { ...check, is: check.conclusion ?? check.status, began: first.conclusion ?? first.status };
      });
    const isRight = () => {
      const found = shown();
      return (
        found.length === checks.length &&
        checks.every(({ is, began, title, says = '', link }, at) => {
          const check = found[at]!;
          return (
            check.is === is &&
            check.began === (began ?? check.began) &&
            check.title === title &&
            check.summary.includes(says) &&
            check.url.endsWith(link)
          );
        })
      );
    };
    await eventually(isRight, { timeoutMs: 60_000 }).catch((error: unknown) => {
      const seen = JSON.stringify(
        shown().map(({ is, began, title, summary, url }) => [began, is, title, summary, url]),
      );
      const refused = JSON.stringify(scene.world.forge.refusals.slice(-3));
      throw new Error(`GitHub shows ${seen}, expected ${JSON.stringify(checks)}. It refused ${refused}.`, {
        cause: error,
      });
    });
  },
);
