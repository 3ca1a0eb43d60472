import { environmentVariables } from './environment-variables.ts';

/** The reference page of all variables, made from the schema so that it can never fall behind. */
export function configurationPage(): string {
  const rows = Object.entries(environmentVariables.shape).map(([name, schema]) => {
    const about = schema.meta() as { default: string; description: string };
    return `| \`${name}\` | ${cell(about.default)} | ${cell(about.description)} |`;
  });
  return `# Configuration

<!-- Made from apps/server/src/platform/config/environment-variables.ts by: npx vitest run apps/server/src/platform/config -u -->

The server is configured by environment variables alone. None is needed: without any it runs standalone, with its own PostgreSQL, in the
folder \`.sluice\`. Bad values are all reported together at the start, each with what to write instead. An empty value counts as not set.

| variable | default | meaning |
| --- | --- | --- |
${rows.join('\n')}

## The two modes

**Standalone**: \`DATABASE_URL\` is not set. Database, queue, blobs and one runner live in one folder on one machine.

**Distributed**: \`DATABASE_URL\` is set. Any number of servers share one PostgreSQL; give all of them the same \`SLUICE_MASTER_KEY\`,
\`SLUICE_BLOB_URL\` (a store they all reach), \`PUBLIC_URL\` and, for many runners, \`REDIS_URL\`.
`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
