/** A commit as its object tells it. */
export interface ParsedCommit {
  readonly parents: readonly string[];
  /** First paragraph of the message, in one line. */
  readonly message: string;
  readonly author: string;
  readonly authorEmail: string;
  /** ISO 8601. */
  readonly at: string;
}

export interface TreeEntry {
  /** `100644`, `100755`, `120000` (link), `40000` (folder), `160000` (submodule). */
  readonly mode: string;
  readonly name: string;
  readonly id: string;
}

const LATEST_MS = 8.64e15;

/** Anyone may write anything into a commit; what cannot be read is left empty, a date that is none is 1970. */
export function parseCommit(content: Buffer): ParsedCommit {
  const end = content.indexOf('\n\n');
  const head = content.subarray(0, end < 0 ? content.length : end);
  const encoding = /^encoding (\S+)$/m.exec(head.toString('latin1'))?.[1];
  const decode = decoder(encoding);
  // Lines that begin with a space belong to the one before: a signature.
  const lines = decode(head).split('\n');
  const [, author = '', authorEmail = '', seconds = ''] =
    /^author (.*?) ?<([^>]*)>(?: (\d+))?/.exec(lines.find((line) => line.startsWith('author ')) ?? '') ?? [];
  const atMs = Number(seconds) * 1000;
  const message = end < 0 ? '' : decode(content.subarray(end + 2)).replace(/^\n+/, '');
  const [subject = ''] = message.split(/\n[ \t]*\n/, 1);
  return {
    parents: lines.filter((line) => line.startsWith('parent ')).map((line) => line.slice('parent '.length)),
    message: subject.trimEnd().replace(/[ \t]*\n/g, ' '),
    author,
    authorEmail,
    at: new Date(atMs <= LATEST_MS ? atMs : 0).toISOString(),
  };
}

/** Entries are `<mode> <name>\0<id>`, the id in binary: 20 bytes, or 32 in a SHA-256 repository. */
export function parseTree(content: Buffer, idBytes: number): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(0x20, at);
    const end = content.indexOf(0, space);
    if (space < 0 || end < 0 || end + 1 + idBytes > content.length) throw new Error('a tree object is cut short');
    entries.push({
      mode: content.toString('latin1', at, space),
      name: content.toString('utf8', space + 1, end),
      id: content.toString('hex', end + 1, end + 1 + idBytes),
    });
    at = end + 1 + idBytes;
  }
  return entries;
}

/** UTF-8 unless the commit says otherwise and Node knows that name. */
function decoder(encoding: string | undefined): (bytes: Buffer) => string {
  try {
    const named = new TextDecoder(encoding ?? 'utf-8');
    return (bytes) => named.decode(bytes);
  } catch {
    return (bytes) => bytes.toString();
  }
}
