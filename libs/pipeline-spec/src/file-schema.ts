import { z } from 'zod';
import { WHEN } from './definition.ts';
import { artifactNameProblem } from './artifact-name.ts';
import { MAX_VARIANTS } from './expand-matrix.ts';
import { DURATION_PATTERN, parseDuration } from './parse-duration.ts';
import { MAX_MEMORY_MIB, MEMORY_PATTERN, MIN_MEMORY_MIB, parseMemory } from './parse-memory.ts';
import { parseImageReference, repositoryProblem } from './parse-image-reference.ts';
import { patternProblem } from './match-pattern.ts';
import { cronProblem, MIN_SCHEDULE_MINUTES, timezoneProblem } from './schedule.ts';
import { pathProblem } from './safe-path.ts';
import { quote } from './place.ts';
import type { RuleId } from './rules.ts';

// The file's own spelling: what an author may write, before defaults. The JSON Schema for editors is made from this.
// zod carries one text per issue, so the rule id travels in front of the message; `shape-findings.ts` takes them apart.

export const RULE_SEPARATOR = '\u0000';
export const MAX_JOBS = 200;
export const MAX_OUTPUTS = 64;
const MAX_INPUTS = 20;
const MAX_GROUP = 100;
const MAX_ARTIFACTS = 20;
const MAX_CACHES = 10;

const says = (rule: RuleId, message: string): string => `${rule}${RULE_SEPARATOR}${message}`;
const mustBe = (what: string) => (issue: { input?: unknown }) =>
  issue.input === undefined
    ? says('missing-key', `is missing; it must be ${what}.`)
    : says('wrong-type', `must be ${what}, not ${kindOf(issue.input)}.`);

/** Text whose problem, if any, is a sentence part such as "it is absolute". */
function textWith(what: string, rule: RuleId, remedy: string, problem: (text: string) => string | undefined) {
  return z.string({ error: mustBe(what) }).superRefine((text, context) => {
    const wrong = problem(text);
    if (wrong !== undefined)
      context.addIssue({ code: 'custom', message: says(rule, `${quote(text)} is refused: ${wrong}. ${remedy}`) });
  });
}

function listOf<Item extends z.ZodType>(item: Item, what: string, max: number) {
  return z
    .array(item, { error: mustBe(`a list of ${what}`) })
    .max(max, { error: says('bad-value', `has more than ${max} entries; write at most ${max}.`) });
}

function oneOrMany<Item extends z.ZodType>(item: Item, what: string, max: number) {
  return z.union([item, listOf(item, what, max)], { error: mustBe(`one of ${what} or a list of them`) });
}

const wholeNumber = (what: string, min: number, max: number) =>
  z
    .int({ error: mustBe(what) })
    .min(min, { error: says('bad-value', `must be ${what}; write a whole number from ${min} to ${max}.`) })
    .max(max, { error: says('bad-value', `must be ${what}; write a whole number from ${min} to ${max}.`) });

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const name = (what: string) =>
  z.string({ error: mustBe(what) }).regex(NAME, {
    error: (issue) =>
      says(
        'bad-name',
        `${quote(String(issue.input))} is not a name; write 1 to 63 of \`a-z\`, \`0-9\`, \`_\`, \`-\`, beginning with a letter or digit.`,
      ),
  });

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/;
const RUNNER_VARIABLE = /^SLUICE_/i;
const variableName = z
  .string({ error: mustBe('a name') })
  .regex(VARIABLE, {
    error: (issue) =>
      says(
        'bad-env-name',
        `${quote(String(issue.input))} is not a variable name; write letters, digits and \`_\`, not beginning with a digit.`,
      ),
  })
  .superRefine((text, context) => {
    if (!RUNNER_VARIABLE.test(text)) return;
    context.addIssue({
      code: 'custom',
      message: says(
        'reserved-env-name',
        `${quote(text)} is refused: names that begin with \`SLUICE_\` are set by the runner; choose another name.`,
      ),
    });
  });
const variables = z.record(
  variableName,
  z.union([z.string(), z.number(), z.boolean()], {
    error: mustBe('text, a number or true/false (write `""` for an empty value)'),
  }),
  { error: mustBe('a mapping of names to values') },
);
/** Values that may also be an output of a job that ended before. */
const variablesOrOutputs = z.record(
  variableName,
  z.union(
    [
      z.string(),
      z.number(),
      z.boolean(),
      z
        .strictObject(
          { from: z.string({ error: mustBe('an output such as `commit.verify.outputs.url`') }) },
          { error: mustBe('an output such as `{ from: commit.verify.outputs.url }`') },
        )
        .meta({ description: 'An output of a job that ended before' }),
    ],
    {
      error: mustBe(
        'text, a number, true/false (write `""` for an empty value) or `{ from: commit.verify.outputs.url }`',
      ),
    },
  ),
  { error: mustBe('a mapping of names to values') },
);
const secrets = listOf(variableName, 'secret names', 100);

const pathText = textWith('a path', 'unsafe-path', 'Write a relative path such as `services/app`.', pathProblem);
const globText = z.string({ error: mustBe('a path pattern') }).superRefine((text, context) => {
  const unsafe = pathProblem(text);
  const bad = unsafe === undefined ? patternProblem(text) : undefined;
  if (unsafe !== undefined)
    context.addIssue({
      code: 'custom',
      message: says(
        'unsafe-path',
        `${quote(text)} is refused: ${unsafe}. Write a relative path such as \`reports/*.xml\`.`,
      ),
    });
  if (bad !== undefined)
    context.addIssue({ code: 'custom', message: says('bad-pattern', `${quote(text)} is refused: ${bad}.`) });
});
const branchPattern = textWith(
  'a branch pattern',
  'bad-pattern',
  'Write a pattern such as `main` or `release/*`.',
  patternProblem,
);

const tagPattern = textWith('a tag pattern', 'bad-pattern', 'Write a pattern such as `v*`.', patternProblem);

const timeout = z
  .union(
    [
      z.string().meta({ pattern: DURATION_PATTERN.source.replace('(?=\\d)', '') }),
      z.number().meta({ minimum: 1, maximum: 86_400 }),
    ],
    {
      error: mustBe('a duration such as `20m` or a number of seconds'),
    },
  )
  .superRefine((value, context) => {
    if (parseDuration(value) !== undefined) return;
    context.addIssue({
      code: 'custom',
      message: says(
        'bad-duration',
        `${quote(String(value))} is refused; write a duration such as \`90s\`, \`20m\` or \`1h30m\`, from 1s to 24h.`,
      ),
    });
  });

const image = textWith(
  'an image reference',
  'bad-image',
  'Write a reference such as `node:24` or `registry.example.com/team/app:1.2`.',
  (text) => {
    const result = parseImageReference(text);
    return result.ok ? undefined : result.problem;
  },
);

const imageOrAxis = z.union(
  [
    image,
    z.strictObject(
      { matrix: z.string({ error: mustBe('the name of an axis of the matrix') }) },
      { error: mustBe('an image reference or `{ matrix: axis }`') },
    ),
  ],
  { error: mustBe('an image reference or `{ matrix: axis }`') },
);

const condition = z
  .string({ error: mustBe('a condition such as `branch == "main"`') })
  .meta({ description: 'A condition; false = skipped' });

const when = z
  .enum(WHEN, {
    error: (issue) =>
      says(
        issue.input === undefined ? 'missing-key' : 'bad-value',
        `${quote(String(issue.input))} is not one of the times; write \`success\`, \`failure\` or \`always\`.`,
      ),
  })
  .meta({ default: 'success' });

const matrixValue = z.union([z.string(), z.number(), z.boolean()], { error: mustBe('text, a number or true/false') });
const matrixEntries = listOf(
  z.record(z.string(), matrixValue, { error: mustBe('a mapping of axes to values, such as `{ node: 24 }`') }),
  'combinations',
  MAX_VARIANTS,
);
const matrix = z
  .object(
    {
      include: matrixEntries.optional().meta({ description: 'Further variants; each names every axis' }),
      exclude: matrixEntries.optional().meta({ description: 'Combinations that are left out' }),
    },
    { error: mustBe('a mapping of axes to lists of values, such as `{ node: [22, 24] }`') },
  )
  .catchall(
    listOf(matrixValue, 'values', MAX_VARIANTS).min(1, {
      error: says('bad-value', 'is empty; write at least one value, or remove the axis.'),
    }),
  );

const outputs = listOf(
  z.string({ error: mustBe('a name') }).regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, {
    error: (issue) =>
      says(
        'bad-value',
        `${quote(String(issue.input))} is not a name of an output; write 1 to 63 letters, digits and \`_\`, not beginning with a digit.`,
      ),
  }),
  'names',
  MAX_OUTPUTS,
);

const keptPaths = oneOrMany(globText, 'path patterns', 50).refine((paths) => paths.length > 0, {
  error: says('bad-value', 'is empty; write at least one path, such as `dist`.'),
});

const artifacts = z
  .record(
    z.string().superRefine((text, context) => {
      const wrong = artifactNameProblem(text);
      if (wrong === undefined) return;
      context.addIssue({
        code: 'custom',
        message: says(
          'bad-artifact-name',
          `${quote(text)} is refused: ${wrong}. Write a name such as \`dist\` or \`test-report\`.`,
        ),
      });
    }),
    keptPaths,
    { error: mustBe('a mapping of names to path patterns, such as `{ dist: dist/** }`') },
  )
  .refine((named) => Object.keys(named).length <= MAX_ARTIFACTS, {
    error: says('bad-value', `has more than ${MAX_ARTIFACTS} entries; write at most ${MAX_ARTIFACTS}.`),
  });

const use = oneOrMany(
  z.string({ error: mustBe('an artifact such as `commit.compile.artifacts.dist`') }),
  'artifacts',
  50,
);

const cacheText = z.string({ error: mustBe('text') }).regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, {
  error: (issue) =>
    says(
      'bad-value',
      `${quote(String(issue.input))} is not a cache key; write 1 to 100 letters, digits, \`.\`, \`_\` and \`-\`, beginning with a letter or digit.`,
    ),
});
const cache = z.strictObject(
  {
    key: cacheText.meta({ description: 'Name of the cache; taken as it stands' }),
    files: oneOrMany(globText, 'path patterns', 20)
      .optional()
      .meta({ description: 'Files whose content becomes part of the key, such as `package-lock.json`' }),
    paths: keptPaths.meta({ description: 'What is kept' }),
    restore: oneOrMany(cacheText, 'beginnings of keys', 10)
      .optional()
      .meta({ description: 'Beginnings of keys that will do when the key itself is not there' }),
  },
  { error: mustBe('a mapping such as `{ key: npm, files: package-lock.json, paths: .npm }`') },
);

const labels = listOf(
  z.string({ error: mustBe('a label') }).regex(/^[A-Za-z0-9][A-Za-z0-9_.:=/-]{0,62}$/, {
    error: (issue) =>
      says(
        'bad-value',
        `${quote(String(issue.input))} is not a label; write 1 to 63 letters, digits, \`_\`, \`.\`, \`:\`, \`=\`, \`/\` or \`-\`.`,
      ),
  }),
  'labels',
  20,
);

const retry = z.strictObject(
  {
    on: listOf(
      z.enum(['lost', 'errored', 'failed'], {
        error: (issue) =>
          says(
            'bad-value',
            `${quote(String(issue.input))} is not a reason to try again; write \`lost\`, \`errored\` or \`failed\`.`,
          ),
      }),
      'reasons',
      3,
    )
      .optional()
      .meta({ description: 'Outcomes after which the job is tried again', default: ['lost'] }),
    times: wholeNumber('the number of further attempts', 0, 5)
      .optional()
      .meta({ description: 'Attempts beyond the first', default: 1 }),
    exit: listOf(wholeNumber('an exit code', 1, 255), 'exit codes', 20)
      .optional()
      .meta({ description: 'Exit codes of a failed step after which the job is tried again' }),
    delay: timeout.optional().meta({ description: 'Pause before the first further attempt' }),
    factor: z
      .number({ error: mustBe('a number') })
      .min(1, { error: says('bad-value', 'is too small; write a number from 1 to 10.') })
      .max(10, { error: says('bad-value', 'is too large; write a number from 1 to 10.') })
      .optional()
      .meta({ description: 'Each pause is the one before times this, at most 1h', default: 1 }),
  },
  { error: mustBe('a mapping such as `{ on: [lost], times: 1 }`') },
);

const resources = z.strictObject(
  {
    cpus: z
      .number({ error: mustBe('a number of CPUs') })
      .min(0.1, { error: says('bad-value', 'is too small; write a number of CPUs from 0.1 to 64.') })
      .max(64, { error: says('bad-value', 'is too large; write a number of CPUs from 0.1 to 64.') })
      .optional()
      .meta({ default: 2 }),
    memory: z
      .union(
        [
          z.string().meta({ pattern: MEMORY_PATTERN.source }),
          z.number().meta({ minimum: MIN_MEMORY_MIB, maximum: MAX_MEMORY_MIB }),
        ],
        {
          error: mustBe('a size such as `512m` or `2g`'),
        },
      )
      .superRefine((value, context) => {
        if (parseMemory(value) !== undefined) return;
        context.addIssue({
          code: 'custom',
          message: says(
            'bad-memory',
            `${quote(String(value))} is refused; write a size such as \`512m\` or \`2g\`, from 16m to 256g.`,
          ),
        });
      })
      .optional()
      .meta({ default: '2g' }),
    pids: wholeNumber('the number of processes', 16, 32_768).optional().meta({ default: 512 }),
  },
  { error: mustBe('a mapping such as `{ cpus: 2, memory: 2g }`') },
);

const step = z.strictObject(
  {
    name: z
      .string({ error: mustBe('text') })
      .regex(/^[^\u0000-\u001f\u007f]{1,100}$/, {
        error: says('bad-value', 'is not a step name; write one line of 1 to 100 characters.'),
      })
      .optional(),
    run: z
      .string({ error: mustBe('shell text') })
      .refine((text) => text.trim() !== '', {
        error: says('bad-value', 'is empty; write the command, or remove the step.'),
      })
      .meta({ description: "Shell text run by the image's `sh -e`; never templated" }),
    if: condition.optional(),
    when: when.optional(),
    env: variablesOrOutputs.optional(),
    timeout: timeout.optional(),
  },
  { error: mustBe('a step such as `{ run: npm test }`') },
);

const serviceContainer = z.strictObject(
  {
    image: imageOrAxis,
    port: wholeNumber('a port', 1, 65_535).optional(),
    healthy: z
      .string({ error: mustBe('an HTTP path') })
      .regex(/^\/[\u0021-\u007e]{0,255}$/, {
        error: says('bad-value', 'is not an HTTP path; write one such as `/healthz`.'),
      })
      .optional()
      .meta({ description: 'HTTP path polled on `port` until it answers 2xx' }),
    command: listOf(
      z.string({ error: mustBe('a word of the command, as text in quotes') }).max(4_096, {
        error: says('bad-value', 'is longer than 4,096 characters; put it into a file of the image.'),
      }),
      'words, such as `[postgres, -c, fsync=off]`',
      100,
    )
      .min(1, { error: says('bad-value', "is empty; remove it to use the image's own.") })
      .optional()
      .meta({ description: "Words given to the image's entrypoint instead of its own command; no shell reads them" }),
    env: variables.optional(),
  },
  { error: mustBe('a mapping such as `{ image: postgres:17, port: 5432 }`') },
);

const jobKeys = {
  image: imageOrAxis.optional().meta({
    description: 'OCI reference, `built` (test stage only) for the image of this run, or an axis of the matrix',
  }),
  host: z
    .literal(true, { error: mustBe('`true`, or absent where the job has an `image`') })
    .optional()
    .meta({ description: "Instead of `image`: no container, the steps are processes of the runner's machine" }),
  steps: listOf(step, 'steps', 100).min(1, {
    error: says('bad-value', 'is empty; write at least one step such as `- run: npm test`.'),
  }),
  needs: oneOrMany(name('the name of a job'), 'job names', MAX_JOBS).optional(),
  if: condition.optional(),
  when: when.optional(),
  matrix: matrix.optional(),
  allow_failure: z
    .boolean({ error: mustBe('`true` or `false`') })
    .optional()
    .meta({ description: 'A failure of this job does not fail its stage', default: false }),
  outputs: outputs.optional().meta({ description: 'Names that the steps write to the file $SLUICE_OUTPUT' }),
  env: variablesOrOutputs.optional(),
  secrets: secrets.optional(),
  services: z
    .record(name('the name of a service container'), serviceContainer, {
      error: mustBe('a mapping of names to containers'),
    })
    .optional(),
  labels: labels.optional(),
  timeout: timeout.optional().meta({ default: '30m' }),
  retry: retry.optional(),
  reports: z
    .strictObject(
      { junit: oneOrMany(globText, 'path patterns', 50).optional() },
      { error: mustBe('a mapping such as `{ junit: "reports/*.xml" }`') },
    )
    .optional(),
  artifacts: artifacts.optional().meta({ description: 'Files that the job leaves behind, by name' }),
  use: use.optional().meta({ description: 'Artifacts of jobs that ended before, put into the workspace' }),
  cache: oneOrMany(cache, 'caches', MAX_CACHES).optional(),
  resources: resources.optional(),
};

const generate = z.strictObject(
  {
    file: textWith('a path', 'unsafe-path', 'Write a relative path such as `generated.yaml`.', (text) =>
      /[*?]/.test(text) ? 'it holds a wildcard' : pathProblem(text),
    ).meta({ description: "Below the service's folder; at most 256 KiB" }),
  },
  { error: mustBe('a mapping such as `{ file: generated.yaml }`') },
);

const jobError = { error: mustBe('a job with `image` and `steps`') };
const job = z.strictObject(
  {
    ...jobKeys,
    generate: generate.optional().meta({ description: 'The steps write further jobs of this stage to a file' }),
  },
  jobError,
);

const stageTimeout = timeout
  .optional()
  .meta({ description: 'From the start of the stage, waiting for runners included' });

const jobStage = z.strictObject(
  {
    timeout: stageTimeout,
    jobs: z
      .record(name('the name of a job'), job, { error: mustBe('a mapping of job names to jobs') })
      .refine((jobs) => Object.keys(jobs).length > 0, {
        error: says('bad-value', 'is empty; write at least one job, or remove the stage.'),
      }),
  },
  { error: mustBe('a stage such as `{ jobs: { ... } }`') },
);

const imageBuild = z.strictObject(
  {
    context: pathText.optional().meta({ default: '.' }),
    dockerfile: pathText.optional().meta({ default: 'Dockerfile' }),
    repository: textWith(
      'a repository',
      'bad-repository',
      'Write `host[:port]/path`, such as `registry.example.com/catalog`.',
      repositoryProblem,
    ),
    if: condition.optional(),
    target: z
      .string({ error: mustBe('the name of a Dockerfile stage') })
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/, {
        error: says('bad-value', 'is not a Dockerfile stage; write letters, digits, `_`, `.` and `-`.'),
      })
      .optional(),
    args: variables.optional(),
    platforms: listOf(
      z.string({ error: mustBe('a platform') }).regex(/^linux\/[a-z0-9]{1,16}(?:\/v[0-9]{1,2})?$/, {
        error: (issue) =>
          says(
            'bad-value',
            `${quote(String(issue.input))} is not a platform; write one such as \`linux/amd64\` or \`linux/arm64\`.`,
          ),
      }),
      'platforms',
      8,
    )
      .min(1, { error: says('bad-value', 'is empty; write a platform such as `linux/amd64`, or remove the key.') })
      .optional()
      .meta({ default: ['linux/amd64'] }),
    secrets: secrets.optional(),
    labels: labels.optional(),
    timeout: timeout.optional().meta({ default: '30m' }),
    retry: retry.optional(),
  },
  { error: mustBe('a mapping with `repository`') },
);

const branchTrigger = z
  .strictObject(
    { branches: oneOrMany(branchPattern, 'branch patterns', 100).optional() },
    { error: mustBe('a mapping such as `{}` or `{ branches: [main] }`') },
  )
  .nullable();

const tagTrigger = z
  .strictObject(
    { patterns: oneOrMany(tagPattern, 'tag patterns', 100).optional() },
    { error: mustBe('a mapping such as `{}` or `{ patterns: ["v*"] }`') },
  )
  .nullable();

const input = z.strictObject(
  {
    type: z
      .enum(['text', 'number', 'boolean', 'choice'], {
        error: (issue) =>
          says(
            'bad-value',
            `${quote(String(issue.input))} is not a type; write \`text\`, \`number\`, \`boolean\` or \`choice\`.`,
          ),
      })
      .optional()
      .meta({ default: 'text' }),
    default: z
      .union([z.string().max(1000), z.number(), z.boolean()], { error: mustBe('text, a number or true/false') })
      .optional()
      .meta({ description: 'Value of every run that no person started with another one' }),
    options: listOf(
      z
        .string({ error: mustBe('text') })
        .min(1, { error: says('bad-value', 'is empty; write the text of the option.') })
        .max(200, { error: says('bad-value', 'is longer than 200 characters; write a shorter option.') }),
      'options',
      50,
    ).optional(),
    description: z
      .string({ error: mustBe('text') })
      .max(300, { error: says('bad-value', 'is longer than 300 characters; write one sentence.') })
      .optional(),
  },
  { error: mustBe('an input such as `{ type: boolean, default: false }`') },
);

const manual = z.union(
  [
    z.boolean(),
    z
      .strictObject(
        {
          inputs: z
            .record(z.string(), input, { error: mustBe('a mapping of names to inputs') })
            .refine((inputs) => Object.keys(inputs).length <= MAX_INPUTS, {
              error: says('bad-value', `has more than ${MAX_INPUTS} entries; write at most ${MAX_INPUTS}.`),
            })
            .optional()
            .meta({ description: 'What the person who starts the run may choose' }),
        },
        { error: mustBe('`true`, `false` or a mapping such as `{ inputs: {} }`') },
      )
      .nullable(),
  ],
  { error: mustBe('`true`, `false` or a mapping such as `{ inputs: {} }`') },
);

// What `git check-ref-format` refuses.
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const NO_BRANCH = /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|\/\.|^[-/.@]|[/.]$|\.lock(?:\/|$)|^.{201}/;
const schedule = z.strictObject(
  {
    cron: textWith(
      'a schedule such as `0 6 * * 1-5`',
      'bad-cron',
      `Write minute, hour, day of the month, month and day of the week, such as \`0 6 * * 1-5\`, at least ${MIN_SCHEDULE_MINUTES} minutes apart.`,
      cronProblem,
    ).meta({ description: 'Minute, hour, day of the month, month, day of the week' }),
    timezone: textWith('a time zone', 'bad-timezone', 'Write a name such as `Europe/Berlin`.', timezoneProblem)
      .optional()
      .meta({ default: 'UTC' }),
    branch: textWith('a branch', 'bad-value', 'Write the name of a branch, such as `main`.', (text) =>
      text === '' || NO_BRANCH.test(text) ? 'git takes no branch of this name' : undefined,
    )
      .optional()
      .meta({ description: 'Branch whose newest commit is run; default: the default branch' }),
  },
  { error: mustBe('a schedule such as `{ cron: "0 6 * * 1-5" }`') },
);

const releaseTrigger = z.strictObject(
  {
    service: name('the name of a service of the team'),
    environment: name('the name of an environment')
      .optional()
      .meta({ description: "Default: the last environment of that service's route" }),
  },
  { error: mustBe('an entry such as `{ service: prices }`') },
);

const triggers = z.strictObject(
  {
    push: branchTrigger.optional(),
    pull_request: branchTrigger.optional(),
    tag: tagTrigger.optional(),
    paths: oneOrMany(globText, 'path patterns', 100).optional(),
    manual: manual.optional(),
    schedule: listOf(schedule, 'schedules', 20).optional().meta({ description: 'Times at which a run starts' }),
    release: listOf(releaseTrigger, 'services', 20)
      .optional()
      .meta({ description: 'Services whose releases, once live, start a run' }),
  },
  { error: mustBe('a mapping such as `{ push: { branches: [main] } }`') },
);

const concurrency = z.strictObject(
  {
    group: name('the name of a group').optional().meta({ description: "Shared by the team's services that name it" }),
    max: wholeNumber('a number of runs', 1, MAX_GROUP)
      .optional()
      .meta({ description: 'Most runs of the group at once' }),
    cancel: z
      .enum(['superseded', 'none'], {
        error: (issue) =>
          says('bad-value', `${quote(String(issue.input))} is neither \`superseded\` nor \`none\`; write one of them.`),
      })
      .optional()
      .meta({ description: 'Whether a newer push to the same branch or pull request ends a run' }),
  },
  { error: mustBe('a mapping such as `{ max: 1 }`') },
);

const priority = z
  .enum(['background'], {
    error: (issue) =>
      says(
        'bad-value',
        `${quote(String(issue.input))} is refused: a definition can only lower its priority; write \`background\` or remove the key.`,
      ),
  })
  .meta({ description: "Its jobs wait for all others of the team's" });

export const fileSchema = z
  .strictObject(
    {
      service: name('the name of the service'),
      team: name('the name of a team').optional(),
      on: triggers.optional(),
      concurrency: concurrency.optional(),
      priority: priority.optional(),
      commit: jobStage.optional(),
      build: z
        .strictObject(
          { timeout: stageTimeout, image: imageBuild },
          { error: mustBe('a stage such as `{ image: { repository: ... } }`') },
        )
        .optional(),
      test: jobStage.optional(),
      release: listOf(
        z.strictObject(
          { environment: name('the name of an environment') },
          { error: mustBe('an entry such as `{ environment: staging }`') },
        ),
        'environments',
        50,
      ).optional(),
    },
    { error: mustBe('a definition: a mapping that begins with `service:`') },
  )
  .meta({ title: 'Sluice definition', description: 'What stands in a sluice.yaml' });

/** What a job with `generate` writes: jobs of its own stage, which generate nothing themselves. None is fine: then nothing follows. */
export const fragmentSchema = z
  .strictObject(
    {
      jobs: z.record(name('the name of a job'), z.strictObject(jobKeys, jobError), {
        error: mustBe('a mapping of job names to jobs'),
      }),
    },
    { error: mustBe('a fragment: a mapping with `jobs:`') },
  )
  .meta({ title: 'Sluice fragment', description: 'What a job with `generate` writes' });

export type DefinitionFile = z.infer<typeof fileSchema>;
export type JobFile = z.infer<typeof job>;
export type ImageBuildFile = z.infer<typeof imageBuild>;
export type BranchTriggerFile = z.infer<typeof branchTrigger>;
export type RetryFile = z.infer<typeof retry>;
export type InputFile = z.infer<typeof input>;

function kindOf(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number') return `the number ${value}`;
  return value === true ? '`true`' : '`false`';
}
