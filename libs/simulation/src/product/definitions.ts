import { jobsOfStage, plan, planGenerated, roomForJobs, type Plan, type PlannedJob } from '@sluice/engine';
import { checkDefinition, checkFragment, type Definition } from '@sluice/pipeline-spec';

const FILES = {
  catalog: `
service: catalog
team: shop
on: { push: { branches: [main] } }
concurrency: { group: test-db, max: 2 }
commit:
  jobs:
    lint: { image: "node:24", steps: [{ run: npm run lint }], outputs: [version] }
    verify: { image: "node:24", matrix: { node: [22, 24] }, needs: [lint], steps: [{ run: npm test }], secrets: [TOKEN], retry: { on: [lost, errored], times: 2, delay: 20s, factor: 2 } }
build:
  image: { context: ., dockerfile: Dockerfile, repository: registry.example.com/catalog, retry: { on: [lost, errored], times: 1 } }
test:
  timeout: 20m
  jobs:
    acceptance: { image: "node:24", steps: [{ run: npm run acceptance }], retry: { on: [lost, errored, failed], times: 1 } }
    smoke: { image: "node:24", allow_failure: true, steps: [{ run: npm run smoke }] }
    report: { image: "node:24", needs: [acceptance, smoke], if: 'branch == "main" && event == "push"', steps: [{ run: npm run report }] }
    publish: { image: "node:24", if: 'tag.startsWith("v")', steps: [{ run: npm run publish }] }
    collect: { image: "node:24", needs: [acceptance], when: failure, steps: [{ run: npm run collect }] }
    compare: { image: "node:24", needs: [smoke], when: always, if: 'test["smoke"].status == "passed"', steps: [{ run: npm run compare }] }
release: [{ environment: staging }, { environment: production }]
`,
  orders: `
service: orders
team: shop
on: { push: { branches: [main] } }
concurrency: { max: 1, cancel: superseded }
build:
  image: { context: ., dockerfile: Dockerfile, repository: registry.example.com/orders, retry: { on: [lost, errored], times: 2 } }
release: [{ environment: production }]
`,
  reports: `
service: reports
team: data
on: { push: { branches: [main] } }
priority: background
commit:
  jobs:
    train: { image: "node:24", labels: [gpu], steps: [{ run: make train }], secrets: [TOKEN], retry: { on: [lost], times: 2 } }
    lint: { image: "node:24", generate: { file: jobs.yaml }, steps: [{ run: make lint }] }
`,
} as const;

export type ServiceName = keyof typeof FILES;
export const SERVICES = Object.keys(FILES) as ServiceName[];
export const TEAM_OF: Record<ServiceName, string> = { catalog: 'shop', orders: 'shop', reports: 'data' };

/** Most running jobs: of the team whose jobs wait in two pools, and of one service of the other team. */
export const TEAM_LIMITS: Record<string, number | null> = { shop: null, data: 1 };
export const SERVICE_LIMITS: Record<ServiceName, number | null> = { catalog: 3, orders: null, reports: null };

const PUSH = { event: 'push', ref: 'refs/heads/main', changedPaths: null } as const;

const checked = new Map<ServiceName, Definition>();

/** What the real planner makes of a service's file at a commit. The file never changes, so it is checked once. */
export function planAt(service: ServiceName, commit: string): { plan: Plan; planHash: string } {
  const definition = checked.get(service) ?? check(service);
  checked.set(service, definition);
  return { plan: plan({ definition, commit, event: PUSH }), planHash: `plan of ${service} at ${commit}` };
}

/** What a job that generates writes, mostly; and a file with a mistake. */
export const FRAGMENT = `
jobs:
  shard: { image: "node:24", matrix: { n: [1, 2] }, steps: [{ run: make shard }], retry: { on: [lost, errored], times: 1 } }
  merge: { image: "node:24", needs: [shard], steps: [{ run: make merge }] }
`;
export const BAD_FRAGMENT = 'jobs: { shard: { image: "node:24" } }';

/** features/runs/check-generated.ts; undefined = refused. */
export function generatedBy(
  service: ServiceName,
  current: Plan,
  job: PlannedJob,
  text: string,
): PlannedJob[] | undefined {
  if (job.stage === 'build') throw new Error('the build stage generates nothing');
  const { jobs } = checkFragment(text, 'jobs.yaml', {
    definitionText: FILES[service],
    stage: job.stage,
    job: job.name,
    known: jobsOfStage(current, job.stage),
    room: roomForJobs(current),
  });
  return jobs && planGenerated(current, job, jobs);
}

function check(service: ServiceName): Definition {
  const { definition, findings } = checkDefinition(FILES[service], 'sluice.yaml');
  if (!definition) throw new Error(`the definition of ${service} is refused: ${JSON.stringify(findings)}`);
  return definition;
}
