import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { busyboxContent, combine, sharedLibraries } from './root-file-system.ts';
import type { ImageContent } from './root-file-system.ts';

export type BaseImageName = 'base/node:24' | 'base/python:3' | 'base/busybox:1';

export interface BaseImageRecipe {
  readonly name: BaseImageName;
  readonly command: readonly string[];
  readonly content: () => Promise<ImageContent>;
}

const NO_TEXTS = { links: new Map<string, string>(), texts: new Map<string, string>() };

/** `nodeBinary` is the program of Node 24 that goes into the image. */
export function baseImageRecipes(nodeBinary: string): readonly BaseImageRecipe[] {
  return [
    { name: 'base/busybox:1', command: ['sh'], content: busyboxContent },
    { name: 'base/node:24', command: ['node'], content: () => nodeContent(nodeBinary) },
    { name: 'base/python:3', command: ['python3'], content: pythonContent },
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
