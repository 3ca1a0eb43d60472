import { bodyProblem, NO_COMMIT, refuse, textOf, type ForgeContract } from './forge-contracts.ts';

const PATH = /^\/repos\/([^/]+\/[^/]+)\/statuses\/([0-9a-f]{40})$/;

/** docs.github.com/rest/commits/statuses, "Create a commit status", on a server of one's own (`/api/v3`). */
export const githubContract: ForgeContract = {
  forge: 'github',
  basePath: '/api/v3',
  answersWith: 201,
  judge({ path, headers, body }, token) {
    if (!headers['user-agent']) return refuse(403, { message: 'Request forbidden by administrative rules.' });
    if (headers.authorization !== `Bearer ${token}`) return refuse(401, { message: 'Bad credentials' });
    if (headers.accept !== 'application/vnd.github+json') return refuse(415, { message: 'Unsupported Media Type' });
    const [, repository, commit] = PATH.exec(path) ?? [];
    if (repository === undefined || commit === undefined) return refuse(404, { message: 'Not Found' });
    const problem = bodyProblem(body, {
      state: { words: ['error', 'failure', 'pending', 'success'], required: true },
      target_url: { longest: 2_000, url: true },
      description: { longest: 140 },
      context: { longest: 255 },
    });
    if (problem !== undefined)
      return refuse(422, { message: 'Validation Failed', errors: [{ field: problem.key, message: problem.problem }] });
    if (commit === NO_COMMIT) return refuse(422, { message: `No commit found for SHA: ${commit}` });
    return {
      shown: {
        forge: 'github',
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
