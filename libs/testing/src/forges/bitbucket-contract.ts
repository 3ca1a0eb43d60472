import { bodyProblem, NO_COMMIT, refuse, textOf, type ForgeContract } from './forge-contracts.ts';

const PATH = /^\/repositories\/([^/]+\/[^/]+)\/commit\/([0-9a-f]{40})\/statuses\/build$/;

/** developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses, "Create a build status for a commit". */
export const bitbucketContract: ForgeContract = {
  forge: 'bitbucket',
  basePath: '/2.0',
  answersWith: 201,
  judge({ path, headers, body }, token) {
    const basic = `Basic ${Buffer.from(`bot@example.com:${token}`).toString('base64')}`;
    if (headers.authorization !== `Bearer ${token}` && headers.authorization !== basic)
      return refuse(401, { type: 'error', error: { message: 'Token is invalid or not supported for this endpoint.' } });
    const [, repository, commit] = PATH.exec(path) ?? [];
    if (repository === undefined || commit === undefined)
      return refuse(404, { type: 'error', error: { message: 'Resource not found' } });
    const problem = bodyProblem(body, {
      key: { longest: 40, required: true },
      state: { words: ['SUCCESSFUL', 'FAILED', 'INPROGRESS', 'STOPPED'], required: true },
      url: { longest: 2_000, url: true, required: true },
      name: { longest: 255 },
      description: { longest: 255 },
      refname: { longest: 255 },
    });
    if (problem !== undefined)
      return refuse(400, {
        type: 'error',
        error: { message: 'Bad request', fields: { [problem.key]: [problem.problem] } },
      });
    if (commit === NO_COMMIT) return refuse(404, { type: 'error', error: { message: 'Commit not found' } });
    return {
      shown: {
        forge: 'bitbucket',
        repository,
        commit,
        context: textOf(body, 'name', textOf(body, 'key')),
        state: textOf(body, 'state'),
        description: textOf(body, 'description'),
        url: textOf(body, 'url'),
      },
    };
  },
};
