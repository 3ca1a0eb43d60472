import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { stepKinds } from '../steps/index.ts';
import { TEAM } from '../world/cast.ts';
import { fillIn } from './fill-in.ts';
import { scenarioFileOf, type ScenarioFile } from './scenario-file.ts';
import type { Scenario } from './scenario.ts';

const scenarioFile = scenarioFileOf(stepKinds);

/** Every scenario whose name contains one of the parts of the filter, which commas separate. Throws one sentence for a folder that cannot be used. */
export function loadScenarios(root: string, filter = ''): readonly Scenario[] {
  const parts = filter.split(',');
  const names = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  return names
    .flatMap((name) => readScenario(join(root, name), name))
    .filter((scenario) => parts.some((part) => scenario.name.includes(part)));
}

/** One service and nothing to play: for the programs that drive a push themselves. */
export function bareScenario(name: string, folder: string): Scenario {
  const file = scenarioFile.parse({
    title: `The service of ${name}`,
    exclusive: true,
    steps: [{ check: {} }],
    expect: {},
  });
  return expand(file, folder, name, { service: name, runner: name });
}

function readScenario(folder: string, name: string): Scenario[] {
  const path = join(folder, 'scenario.yaml');
  const text = readFileSync(path, 'utf8');
  const [key, values] = variants(text);
  if (key === undefined || values === undefined)
    return [expand(check(path, text, { service: name, runner: name }), folder, name, { service: name, runner: name })];
  return values.map((value, index) => {
    const service = `${name}-${index + 1}`;
    const fill = { service, runner: service, [key]: value };
    return expand(check(path, text, fill), folder, `${name}[${value}]`, fill);
  });
}

/** Looked at before the rest, which may make sense only with a value filled in; mistakes here are reported with the rest. */
function variants(text: string): [string?, string[]?] {
  const file = z.object({ forEach: z.record(z.string(), z.array(z.string())) }).safeParse(parseDocument(text).toJS());
  return Object.entries(file.data?.forEach ?? {})[0] ?? [];
}

function expand(
  { services, ...file }: ScenarioFile,
  folder: string,
  name: string,
  values: Record<string, string>,
): Scenario {
  const own = values['service'] ?? name;
  const plans = (services ?? [{ name: own, path: '.', forge: 'git' as const, team: TEAM.slug }]).map((plan) => ({
    name: plan.name,
    repository: plan.repository ?? plan.name,
    path: plan.path,
    forge: plan.forge,
    team: plan.team,
  }));
  return { ...file, name, folder, values, services: plans };
}

function check(path: string, text: string, values: Readonly<Record<string, string>>): ScenarioFile {
  const document = parseDocument(fillIn(text, values));
  if (document.errors.length > 0)
    throw new Error(`${path}: ${document.errors.map((error) => error.message).join('; ')}`);
  const read = scenarioFile.safeParse(document.toJS());
  if (read.success) return read.data;
  throw new Error(
    `${path}: ${read.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}`,
  );
}
