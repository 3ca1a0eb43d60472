/** A secret as the control plane hands it to a job. */
export interface Secret {
  readonly name: string;
  readonly value: string;
}

export interface UnmaskableSecret {
  readonly name: string;
  /** One sentence part for a warning; it never holds the value. */
  readonly reason: string;
}

export interface SecretPatterns {
  /** Byte strings to replace, each once, each at least {@link MIN_SECRET_LENGTH} characters in its raw form. */
  readonly patterns: readonly Uint8Array[];
  readonly unmaskable: readonly UnmaskableSecret[];
}

/** Shorter values would blot out ordinary words and, by their traces, be guessed all the same. */
export const MIN_SECRET_LENGTH = 6;

const encoder = new TextEncoder();

/**
 * Every form in which a program is likely to print a secret: as it is, line by line, URL-encoded, JSON-escaped, in
 * base64 (also broken into lines) and base64url at each of the three alignments, and in hexadecimal.
 */
export function secretPatterns(secrets: readonly Secret[]): SecretPatterns {
  const patterns = new Map<string, Uint8Array>();
  const unmaskable: UnmaskableSecret[] = [];
  const add = (bytes: Uint8Array): void => {
    if (bytes.length > 0) patterns.set(latin1(bytes), bytes);
  };
  for (const { name, value } of secrets) {
    // Trimmed: the white space around a value is no secret, and a closing line break in a pattern would hold back a prompt.
    const lines = value.split(/\r\n|\r|\n/).map((line) => line.trim());
    const texts = new Set([value.trim(), lines.join('\n').trim(), ...lines]);
    const long = [...texts].filter((text) => [...text].length >= MIN_SECRET_LENGTH);
    if (long.length === 0) {
      unmaskable.push({
        name,
        reason: `its value has fewer than ${MIN_SECRET_LENGTH} characters in a line and is not masked`,
      });
      continue;
    }
    for (const text of long) formsOf(text).forEach(add);
  }
  return { patterns: [...patterns.values()], unmaskable };
}

function formsOf(text: string): Uint8Array[] {
  const bytes = encoder.encode(text);
  const wellFormed = text.toWellFormed();
  const percent = encodeURIComponent(wellFormed);
  const strict = percent.replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  const json = JSON.stringify(text).slice(1, -1);
  const hex = hexOf(bytes);
  const forms = [
    text,
    encodeURI(wellFormed),
    ...[percent, strict].flatMap((form) => [
      form,
      form.replace(/%20/g, '+'),
      lowerPercent(form),
      lowerPercent(form).replace(/%20/g, '+'),
    ]),
    json,
    // Go, and JSON that is put into HTML, also escape these; Python escapes all that is not ASCII; PHP escapes the slash.
    json.replace(/[<>&\u2028\u2029]/g, unicodeEscape),
    json.replace(/[\u007f-\uffff]/g, unicodeEscape),
    json.replace(/\//g, '\\/'),
    hex,
    hex.toUpperCase(),
    ...base64Forms(bytes),
  ];
  return forms.map((form) => encoder.encode(form));
}

/**
 * The characters of base64 that depend on the secret alone, for each number of foreign bytes (0 to 2) in front of it.
 * The characters at both ends that mix in a neighbour's bits are left out: they differ from text to text.
 */
function base64Forms(bytes: Uint8Array): string[] {
  const forms: string[] = [];
  for (const before of [0, 1, 2]) {
    const padded = new Uint8Array(before + bytes.length);
    padded.set(bytes, before);
    const whole = base64Of(padded);
    const form = whole.slice(Math.ceil((before * 8) / 6), Math.floor((padded.length * 8) / 6));
    forms.push(form, form.replace(/\+/g, '-').replace(/\//g, '_'));
    if (before === 0) for (const columns of LINE_LENGTHS) forms.push(...linesOf(form, columns));
  }
  return forms;
}

/** Where programs break base64 into lines: `openssl base64`, and `base64` of GNU and of mail. */
const LINE_LENGTHS = [64, 76] as const;
/** As much as the shortest secret that is masked needs. */
const SHORTEST_LINE = Math.ceil((MIN_SECRET_LENGTH * 8) / 6);

/** A key in a file that is printed through `base64` comes line by line; a last line that says next to nothing stays. */
function linesOf(form: string, columns: number): string[] {
  if (form.length <= columns) return [];
  const count = Math.ceil(form.length / columns);
  const lines = Array.from({ length: count }, (_, index) => form.slice(index * columns, (index + 1) * columns));
  return lines.filter((line) => line.length >= SHORTEST_LINE);
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Base64 without the closing `=`. */
function base64Of(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    const digits = Math.min(4, bytes.length - i + 1);
    for (let digit = 0; digit < digits; digit++) text += BASE64[(group >> (18 - 6 * digit)) & 63] ?? '';
  }
  return text;
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
}

function lowerPercent(text: string): string {
  return text.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
}

function unicodeEscape(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
