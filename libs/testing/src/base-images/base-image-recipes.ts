import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { DebianPackage } from '../parts/debian-packages.ts';
import {
  nginxContent,
  nodeDevContent,
  POSTGRES_ENTRY,
  postgresContent,
  redisContent,
} from './product-image-recipes.ts';
import { busyboxContent, combine, sharedLibraries } from './root-file-system.ts';
import type { ImageContent } from './root-file-system.ts';

/** What jobs and services of the examples run in. */
export const JOB_IMAGES = ['base/busybox:1', 'base/node:24', 'base/python:3'] as const;
/** What the product's own images stand on, and the stores beside them. */
export const PRODUCT_IMAGES = ['base/node-dev:24', 'base/nginx:1', 'base/redis:7', 'base/postgres:15'] as const;
export type BaseImageName = (typeof JOB_IMAGES)[number] | (typeof PRODUCT_IMAGES)[number];

export interface BaseImageRecipe {
  readonly name: BaseImageName;
  readonly command: readonly string[];
  /** Further settings of the image, as Dockerfile instructions. */
  readonly changes?: readonly string[];
  /** Whose programs it is made of, besides those of every image. */
  readonly packages: readonly DebianPackage[];
  readonly content: () => Promise<ImageContent>;
}

const NO_TEXTS = { links: new Map<string, string>(), texts: new Map<string, string>() };

/** `nodeBinary` is the program of Node 24 that goes into the image. */
export function baseImageRecipes(nodeBinary: string): readonly BaseImageRecipe[] {
  return [
    { name: 'base/busybox:1', command: ['sh'], packages: [], content: busyboxContent },
    { name: 'base/node:24', command: ['node'], packages: [], content: () => nodeContent(nodeBinary) },
    { name: 'base/python:3', command: ['python3'], packages: ['python3'], content: pythonContent },
    {
      name: 'base/node-dev:24',
      command: ['node'],
      // Node brings its own list of authorities; the image has that of this machine.
      changes: ['ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt'],
      packages: ['git', 'openssh-client', 'ca-certificates'],
      content: async () => nodeDevContent(await nodeContent(nodeBinary)),
    },
    {
      name: 'base/nginx:1',
      command: ['nginx', '-g', 'daemon off;'],
      changes: ['ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      packages: ['nginx', 'curl'],
      content: async () => nginxContent(await busyboxContent()),
    },
    {
      name: 'base/redis:7',
      command: ['redis-server'],
      changes: ['WORKDIR /data'],
      packages: ['redis-server'],
      content: async () => redisContent(await busyboxContent()),
    },
    {
      name: 'base/postgres:15',
      command: ['sh', POSTGRES_ENTRY],
      packages: ['postgresql'],
      content: async () => postgresContent(await busyboxContent()),
    },
  ];
}

async function nodeContent(nodeBinary: string): Promise<ImageContent> {
  const program = realpathSync(nodeBinary);
  const copies = new Map([['/usr/bin/node', program], ...(await sharedLibraries([program]))]);
  return combine(await busyboxContent(), { ...NO_TEXTS, copies });
}

/** Parts of the standard library that a service has no use for, and that Debian splits off anyway. */
const LEFT_OUT = new Set([
  'test',
  'idlelib',
  'tkinter',
  'turtledemo',
  'lib2to3',
  'ensurepip',
  'dist-packages',
  'site-packages',
  '__pycache__',
]);

async function pythonContent(): Promise<ImageContent> {
  const program = realpathSync('/usr/bin/python3');
  const version = basename(program);
  const library = join('/usr/lib', version);
  const entries = readdirSync(library).filter(
    (name) => !LEFT_OUT.has(name) && !name.startsWith('config-') && existsSync(join(library, name)),
  );
  const modules = readdirSync(join(library, 'lib-dynload')).map((name) => join(library, 'lib-dynload', name));
  const copies = new Map([
    [join('/usr/bin', version), program],
    ...entries.map((name): [string, string] => [join(library, name), join(library, name)]),
    ...(await sharedLibraries([program, ...modules])),
  ]);
  const links = new Map(['python3', 'python'].map((name) => [`/usr/bin/${name}`, version]));
  return combine(await busyboxContent(), { ...NO_TEXTS, copies, links });
}
