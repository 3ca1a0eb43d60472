import { z } from 'zod';
import { OTHER_TEAM, TEAM } from '../world/cast.ts';
import { FORGES } from '../world/forge-event.ts';
import { MODES } from '../world/stores.ts';
import { expectation } from './expected-run.ts';
import { name } from './names.ts';

const gate = z.strictObject({
  approvals: z.number().int().min(0),
  noSelfApproval: z.boolean().optional(),
  roles: z.array(z.enum(['developer', 'release-manager', 'admin'])).optional(),
});
const scenarioEnvironment = z.strictObject({ name, gate: gate.default({ approvals: 0 }) });
export type ScenarioEnvironment = z.infer<typeof scenarioEnvironment>;

const scenarioService = z.strictObject({
  name,
  /** Default: a repository of the service's own, of the same name. */
  repository: name.optional(),
  path: z.string().default('.'),
  /** Whose webhooks its repository is told of by, with `tell`. A plain git host announces its pushes itself. */
  forge: z.enum([...FORGES, 'git']).default('git'),
  team: z.enum([TEAM.slug, OTHER_TEAM.slug]).default(TEAM.slug),
});

/** What each verb must be told. The verbs themselves play in a scene, and a scene has a scenario: so only this is known here. */
export type StepSchemas = ReadonlyMap<string, { readonly schema: z.ZodType }>;

/** One step of a scenario: exactly one verb with what it needs. */
const stepOf = (kinds: StepSchemas) =>
  z.record(z.string(), z.unknown()).transform((value, context) => {
    const [[verb, input] = ['', undefined], ...more] = Object.entries(value);
    const kind = kinds.get(verb);
    if (kind === undefined || more.length > 0) {
      context.addIssue({
        code: 'custom',
        message: `a step is one of ${[...kinds.keys()].join(', ')}, not ${Object.keys(value).join(' and ')}`,
      });
      return z.NEVER;
    }
    const read = kind.schema.safeParse(input ?? {});
    if (!read.success) {
      for (const issue of read.error.issues)
        context.addIssue({ code: 'custom', path: [verb, ...issue.path], message: issue.message });
      return z.NEVER;
    }
    return { verb, input: read.data };
  });

/** What stands in a `scenario.yaml`, in which these verbs may be used. */
export const scenarioFileOf = (kinds: StepSchemas) =>
  z.strictObject({
    title: z.string().min(10),
    /** Rows of the fault catalogue that it shows. */
    faults: z.array(z.string().regex(/^[AFI]\d{2}$/)).default([]),
    modes: z.array(z.enum(MODES)).default([...MODES]),
    /** It takes parts down that others need, so it runs alone. */
    exclusive: z.boolean().default(false),
    /** One scenario for each value; `{{key}}` stands for it in steps and files. */
    forEach: z.record(z.string(), z.array(z.string())).optional(),
    /** Default: one service of the scenario's own name. */
    services: z.array(scenarioService).optional(),
    /** Besides `staging` (open) and `production` (one approval), which every team has. */
    environments: z.array(scenarioEnvironment).default([]),
    /** A runner of its own, for jobs with the label `{{runner}}`; also one that is a container itself, or has its engine over TCP and TLS. */
    ownRunner: z.union([z.boolean(), z.enum(['untrusted', 'container', 'remote-engine'])]).default(false),
    steps: z.array(stepOf(kinds)).min(1),
    expect: expectation,
  });
export type ScenarioFile = z.infer<ReturnType<typeof scenarioFileOf>>;
