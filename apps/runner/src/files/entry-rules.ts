import { posix } from 'node:path';
import type { EntryHeader } from '../executor/executor.port.ts';

/** The files cannot be packed or put in place as they are; a sentence part that says why. */
export class FilesRefused extends Error {
  override readonly name = 'FilesRefused';
}

export interface EntryLimits {
  readonly entries: number;
  /** Unpacked. */
  readonly bytes: number;
}

export const ENTRY_LIMITS: EntryLimits = { entries: 200_000, bytes: 20 * 1024 ** 3 };

const KINDS = ['file', 'directory', 'symlink', 'link'] as const;
type Kind = (typeof KINDS)[number];

/**
 * What an archive of ours may hold, entry by entry, when it is made and again when it is put in place, whoever made it (A60, A61). Nothing is
 * ever written through a link, so it does not matter where one leads, as long as it does not climb out of the folder.
 */
export class EntryRules {
  readonly #limits: EntryLimits;
  readonly #kinds = new Map<string, Kind>();
  readonly #folded = new Map<string, string>();
  #bytes = 0;

  constructor(limits: EntryLimits = ENTRY_LIMITS) {
    this.#limits = limits;
  }

  get files(): number {
    return [...this.#kinds.values()].filter((kind) => kind !== 'directory').length;
  }
  get bytes(): number {
    return this.#bytes;
  }

  /** The entry as it may be written: no owner, no special bits. Throws FilesRefused. */
  admit(given: EntryHeader): Required<EntryHeader> & { readonly type: Kind } {
    const name = given.name.replace(/^\.\//, '').replace(/\/$/, '');
    const kind = KINDS.find((one) => one === given.type);
    const shown = JSON.stringify(given.name.slice(0, 200));
    if (kind === undefined) throw new FilesRefused(`${shown} is a ${given.type ?? 'thing of an unknown kind'}`);
    if (!isBelow(name)) throw new FilesRefused(`the name ${shown} does not stay below the folder`);
    const other = this.#folded.get(name.toLowerCase());
    if (other === name && !(kind === 'directory' && this.#kinds.get(name) === 'directory'))
      throw new FilesRefused(`${shown} comes twice`);
    if (other !== undefined && other !== name)
      throw new FilesRefused(`${shown} and ${JSON.stringify(other)} differ in upper and lower case alone`);
    for (let parent = posix.dirname(name); parent !== '.'; parent = posix.dirname(parent)) {
      const above = this.#kinds.get(parent);
      if (above !== undefined && above !== 'directory')
        throw new FilesRefused(`${shown} lies below ${above} ${parent}`);
    }
    const target = given.linkname ?? '';
    if (kind === 'symlink' && !staysInside(name, target))
      throw new FilesRefused(`the link ${shown} leads out of the folder`);
    if (kind === 'link' && this.#kinds.get(target) !== 'file')
      throw new FilesRefused(`the link ${shown} is of a file that is not there`);
    this.#kinds.set(name, kind);
    this.#folded.set(name.toLowerCase(), name);
    const size = kind === 'file' ? (given.size ?? 0) : 0;
    this.#bytes += size;
    if (this.#kinds.size > this.#limits.entries)
      throw new FilesRefused(`there are more than ${this.#limits.entries} files`);
    if (this.#bytes > this.#limits.bytes)
      throw new FilesRefused(`they have more than ${this.#limits.bytes} bytes unpacked`);
    return {
      name,
      type: kind,
      size,
      mode: (given.mode ?? 0o644) & 0o777,
      mtime: given.mtime ?? new Date(0),
      linkname: kind === 'symlink' || kind === 'link' ? target : '',
    };
  }
}

/** A link may be absolute: it is read where the job runs, in its container. */
export function staysInside(name: string, target: string): boolean {
  if (target === '' || hasControl(target)) return false;
  if (target.startsWith('/')) return true;
  return !/^\.\.(\/|$)/.test(posix.join(posix.dirname(name), target));
}

function isBelow(name: string): boolean {
  return (
    name !== '' &&
    name.length <= 4096 &&
    !hasControl(name) &&
    !name.includes('\\') &&
    !/^[A-Za-z]:/.test(name) &&
    name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

function hasControl(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return /[\u0000-\u001f\u007f]/.test(text);
}
