/** Finds one literal text in bytes; lower and upper case of ASCII letters are alike unless `matchCase`. */
export class LiteralMatcher {
  readonly #needle: Buffer;
  readonly #either: RegExp | undefined;

  constructor(text: string, { matchCase }: { readonly matchCase: boolean }) {
    this.#needle = Buffer.from(text);
    // Only of our own making: every byte becomes itself or both cases of a letter. Several times faster than to lower a copy.
    this.#either = matchCase ? undefined : new RegExp([...this.#needle].map(eitherCase).join(''), 'g');
  }

  /** Bytes of a match. */
  get length(): number {
    return this.#needle.length;
  }

  /** Where the matches begin that lie wholly within the bytes, without overlap, in order. */
  *matches(bytes: Buffer): Generator<number, void, undefined> {
    if (this.#either === undefined) {
      const needle = this.#needle;
      for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + needle.length)) yield at;
      return;
    }
    // One character for each byte.
    for (const match of bytes.toString('latin1').matchAll(this.#either)) yield match.index;
  }
}

function eitherCase(byte: number): string {
  const hex = (code: number) => `\\x${code.toString(16).padStart(2, '0')}`;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a ? `[${hex(lower)}${hex(lower & ~0x20)}]` : hex(byte);
}
