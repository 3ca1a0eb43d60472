import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';

/** What goes into an image: nothing is downloaded, every file is one that this machine already has. */
export interface ImageContent {
  /** Files and folders, target path -> path here. */
  readonly copies: ReadonlyMap<string, string>;
  /** Target path -> what the link says. */
  readonly links: ReadonlyMap<string, string>;
  /** Target path -> text. */
  readonly texts: ReadonlyMap<string, string>;
}

const BUSYBOX = '/bin/busybox';

/** The part that all images share: static busybox with its applets, users, and certificates where there are any. */
export async function busyboxContent(): Promise<ImageContent> {
  const { stdout } = await execa(BUSYBOX, ['--list']);
  const applets = stdout.split('\n').filter((name) => /^[\w[\].-]+$/.test(name) && name !== 'busybox');
  const copies = new Map([['/bin/busybox', BUSYBOX]]);
  if (existsSync('/etc/ssl/certs/ca-certificates.crt'))
    copies.set('/etc/ssl/certs/ca-certificates.crt', '/etc/ssl/certs/ca-certificates.crt');
  return {
    copies,
    links: new Map(applets.map((name) => [`/bin/${name}`, 'busybox'])),
    texts: new Map([
      [
        '/etc/passwd',
        'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n',
      ],
      ['/etc/group', 'root:x:0:\napp:x:1000:\nnobody:x:65534:\nnogroup:x:65533:\n'],
      ['/etc/nsswitch.conf', 'hosts: files dns\n'],
    ]),
  };
}

export function combine(...contents: readonly ImageContent[]): ImageContent {
  return {
    copies: new Map(contents.flatMap(({ copies }) => [...copies])),
    links: new Map(contents.flatMap(({ links }) => [...links])),
    texts: new Map(contents.flatMap(({ texts }) => [...texts])),
  };
}

/** The shared libraries and the loader that these programs ask for, at the paths where they will be looked for. */
export async function sharedLibraries(programs: readonly string[]): Promise<Map<string, string>> {
  const { stdout } = await execa('ldd', [...programs], { reject: false });
  const libraries = new Map<string, string>();
  for (const [, path] of stdout.matchAll(/(?:=>|^)\s+(\/\S+) \(0x/gm))
    if (path !== undefined) libraries.set(path, path);
  // Names are resolved by modules that the C library loads only when it needs them.
  for (const folder of new Set([...libraries.keys()].map((path) => dirname(path)))) {
    for (const name of ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2']) {
      const path = join(folder, name);
      if (existsSync(path)) libraries.set(path, path);
    }
  }
  return libraries;
}

/** Lays the content out below an empty folder. Links of this machine are followed, so that the image has plain files. */
export function writeRootFileSystem(root: string, { copies, links, texts }: ImageContent): void {
  for (const folder of ['/tmp', '/var/tmp', '/root', '/etc', '/bin', '/usr/bin', '/proc', '/sys', '/dev', '/run'])
    mkdirSync(join(root, folder), { recursive: true });
  for (const [target, source] of copies) {
    mkdirSync(dirname(join(root, target)), { recursive: true });
    cpSync(realpathSync(source), join(root, target), { recursive: true, dereference: true });
  }
  for (const [target, text] of texts) {
    mkdirSync(dirname(join(root, target)), { recursive: true });
    writeFileSync(join(root, target), text);
  }
  for (const [target, says] of links) {
    mkdirSync(dirname(join(root, target)), { recursive: true });
    if (!existsSync(join(root, target))) symlinkSync(says, join(root, target));
  }
}

/** One line for each file that the content is made of, with size and time: equal lists mean an equal image. */
export function fingerprintLines({ copies, links, texts }: ImageContent): string[] {
  const lines = [...links, ...texts].map(([target, text]) => `${target} ${text}`);
  for (const [target, source] of copies) {
    const stat = statSync(source);
    const files = stat.isDirectory() ? readdirSync(source, { recursive: true, encoding: 'utf8' }).length : 1;
    lines.push(`${target} ${stat.size} ${Math.trunc(stat.mtimeMs)} ${files}`);
  }
  return lines.sort();
}
