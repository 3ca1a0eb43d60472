import { bodyProblem, NO_COMMIT, refuse, textOf, type ForgeContract } from './forge-contracts.ts';

const PATH = /^\/repos\/([^/]+\/[^/]+)\/statuses\/([0-9a-f]{40})$/;

/** The swagger page of every Gitea and Forgejo, `repoCreateStatus`. */
export const giteaContract: ForgeContract = {
  forge: 'gitea',
  basePath: '/api/v1',
  answersWith: 201,
  judge({ path, headers, body }, token) {
    if (headers.authorization !== `token ${token}`)
      return refuse(401, { message: 'user does not exist [uid: 0, name: ]', url: 'https://gitea.example/api/swagger' });
    const [, repository, commit] = PATH.exec(path) ?? [];
    if (repository === undefined || commit === undefined)
      return refuse(404, { message: 'The target could not be found.' });
    const problem = bodyProblem(body, {
      state: { words: ['pending', 'success', 'error', 'failure', 'warning'], required: true },
      target_url: { longest: 2_000, url: true },
      description: { longest: 2_000 },
      context: { longest: 255 },
    });
    if (problem !== undefined) return refuse(422, { message: `[${problem.key}]: ${problem.problem}` });
    if (commit === NO_COMMIT) return refuse(400, { message: 'sha not found: ' });
    return {
      shown: {
        forge: 'gitea',
        repository,
        commit,
        context: textOf(body, 'context', 'default'),
        state: textOf(body, 'state'),
        description: textOf(body, 'description'),
        url: textOf(body, 'target_url'),
      },
    };
  },
};
