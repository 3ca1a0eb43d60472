import { bodyProblem, NO_COMMIT, refuse, textOf, type ForgeContract } from './forge-contracts.ts';

const PATH = /^\/projects\/([^/]+)\/statuses\/([0-9a-f]{40})$/;
/** From where a state may be entered; the rest is refused. A status that has ended is never changed: the next one is new. */
const FROM: Readonly<Record<string, readonly (string | undefined)[]>> = {
  pending: [undefined],
  running: [undefined, 'pending'],
  success: [undefined, 'pending', 'running'],
  failed: [undefined, 'pending', 'running'],
  canceled: [undefined, 'pending', 'running'],
};
const EVENT: Readonly<Record<string, string>> = {
  pending: 'enqueue',
  running: 'run',
  success: 'success',
  failed: 'drop',
  canceled: 'cancel',
};

/** docs.gitlab.com/api/commits, "Set commit pipeline status". */
export const gitlabContract: ForgeContract = {
  forge: 'gitlab',
  basePath: '/api/v4',
  answersWith: 201,
  judge({ path, headers, body }, token, earlier) {
    if (headers['private-token'] !== token) return refuse(401, { message: '401 Unauthorized' });
    const [, project, commit] = PATH.exec(path) ?? [];
    if (project === undefined || commit === undefined) return refuse(404, { error: '404 Not Found' });
    const problem = bodyProblem(body, {
      state: { words: Object.keys(FROM), required: true },
      ref: { longest: 255 },
      name: { longest: 255 },
      target_url: { longest: 255, url: true },
      description: { longest: 255 },
    });
    if (problem !== undefined) return refuse(400, { message: { [problem.key]: [problem.problem] } });
    if (commit === NO_COMMIT) return refuse(404, { message: '404 Commit Not Found' });
    const [state, name] = [textOf(body, 'state'), textOf(body, 'name', 'default')];
    const before = earlier(name)?.state;
    const open = before === 'pending' || before === 'running' ? before : undefined;
    if (!FROM[state]!.includes(open)) {
      const event = EVENT[state]!;
      return refuse(400, {
        message: `Cannot transition status via :${event} from :${open} (Reason(s): Status cannot transition via "${event}")`,
      });
    }
    return {
      shown: {
        forge: 'gitlab',
        repository: decodeURIComponent(project),
        commit,
        context: name,
        state,
        description: textOf(body, 'description'),
        url: textOf(body, 'target_url'),
      },
    };
  },
};
