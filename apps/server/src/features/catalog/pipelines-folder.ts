import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { checkDefinition, type Definition } from '@sluice/pipeline-spec';
import { environmentSettings, limitSettings, role, slug } from '@sluice/protocol';
import { readSettingsFile } from './settings-file.ts';

const teamsFile = z.strictObject({
  teams: z
    .array(
      z.strictObject({
        slug,
        title: z.string().min(1).max(100),
        /** People who have signed up; others are passed over until the next start. */
        members: z.array(z.strictObject({ email: z.email(), role })).default([]),
        limits: limitSettings.optional(),
      }),
    )
    .nullable()
    .default([]),
});
const environmentsFile = z.strictObject({
  environments: z
    .array(
      z.strictObject({
        team: slug,
        name: slug,
        order: z.number().int().min(0).max(1000).default(0),
        settings: environmentSettings,
      }),
    )
    .nullable()
    .default([]),
});

export interface ControlPlaneDefinition {
  readonly file: string;
  readonly text: string;
  readonly definition: Definition;
}

export interface PipelinesFolder {
  readonly teams: NonNullable<z.infer<typeof teamsFile>['teams']>;
  readonly environments: NonNullable<z.infer<typeof environmentsFile>['environments']>;
  /** By the name of the service. */
  readonly definitions: ReadonlyMap<string, ControlPlaneDefinition>;
  /** Sentences `file:line: ...`; with any of them nothing of the folder is used. */
  readonly problems: readonly string[];
}

/** Reads and checks everything in the folder without touching the database. A missing folder is an empty one unless `required`. */
export async function readPipelinesFolder(folder: string, required: boolean): Promise<PipelinesFolder> {
  const problems: string[] = [];
  const definitions = new Map<string, ControlPlaneDefinition>();
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' || required)
      problems.push(`${folder}: The folder cannot be read (${error.code}); correct SLUICE_PIPELINES_DIR.`);
    return [];
  });
  const load = async <T>(name: string, schema: z.ZodType<T>): Promise<T | undefined> => {
    const text = await readText(join(folder, name));
    if (text === undefined) return undefined;
    const read = readSettingsFile(text, name, schema);
    if (read.ok) return read.value;
    problems.push(...read.problems);
    return undefined;
  };
  const teams = (await load('teams.yaml', teamsFile))?.teams ?? [];
  const environments = (await load('environments.yaml', environmentsFile))?.environments ?? [];
  for (const entry of entries
    .filter((one) => one.isDirectory())
    .sort((left, right) => left.name.localeCompare(right.name))) {
    const file = `${entry.name}/sluice.yaml`;
    const text = await readText(join(folder, file));
    if (text === undefined) continue;
    const { definition, findings } = checkDefinition(text, file);
    problems.push(
      ...findings
        .filter(({ severity }) => severity === 'error')
        .map((finding) => `${file}:${finding.line}: ${finding.path}: ${finding.message}`),
    );
    if (!definition) continue;
    const other = definitions.get(definition.service);
    if (other)
      problems.push(
        `${file}:1: The service ${definition.service} is defined in ${other.file} already; keep one of them.`,
      );
    else definitions.set(definition.service, { file, text, definition });
  }
  return { teams, environments, definitions, problems };
}

async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
