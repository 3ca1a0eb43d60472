export type RepositoryAddress =
  | { readonly ok: true; readonly url: URL; readonly transport: 'https' | 'ssh' | 'http' }
  /** One sentence that never repeats the address: it may hold a password. */
  | { readonly ok: false; readonly problem: string };

const USER = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/;

/**
 * Whether a repository's address may be given to git at all: https and ssh, and plain http for the exact origins that the
 * operator named (A19-A21, A25, A26). Everything else (`ext::`, `file:`, paths, options in disguise) is refused by not being
 * on the list. Where the host lies is no matter here.
 */
export function checkRepositoryUrl(address: string, httpOrigins: readonly string[]): RepositoryAddress {
  if (address.length > 2000)
    return no('The address of the repository is longer than 2000 characters: give its clone address.');
  if (/[\u0000-\u0020\u007f-\u00a0\u2028\u2029\\]|%(?:[01][0-9a-f]|20|5c|7f)/i.test(address))
    return no(
      'The address of the repository holds a space, a line break, a backslash or an invisible character: write it like https://host/path.git.',
    );
  if (address.includes('::') && !address.includes('['))
    return no('Remote helpers (`name::address`) are not allowed: use https or ssh.');
  if (!/^[a-z]+:\/\//i.test(address))
    return no(
      'The address of the repository must begin with https:// or ssh:// (write git@host:path as ssh://git@host/path).',
    );
  const url = URL.parse(address);
  if (url === null || url.hostname === '')
    return no('The address of the repository cannot be read: write it like https://host/path.git.');
  if (url.hostname.startsWith('-') || url.pathname.startsWith('/-'))
    return no('A part of the repository address begins with "-".');
  if (url.password !== '' || (url.username !== '' && url.protocol !== 'ssh:'))
    return no(
      'The address of the repository holds a user or a password: give it without, and the credential in its own field.',
    );
  if (url.username !== '' && !USER.test(url.username))
    return no('The user in the ssh address is refused: use letters, digits, ".", "_" and "-".');
  if (url.pathname === '' || url.pathname === '/')
    return no('The address names no repository: write host and path, like https://host/path.git.');
  if (url.search !== '' || url.hash !== '')
    return no('The address of the repository must not have a query or a fragment.');
  if (url.protocol === 'https:') return { ok: true, url, transport: 'https' };
  if (url.protocol === 'ssh:') return { ok: true, url, transport: 'ssh' };
  if (url.protocol === 'http:' && httpOrigins.includes(url.origin)) return { ok: true, url, transport: 'http' };
  if (url.protocol === 'http:')
    return no(
      'Plain http is allowed only for exact origins that the operator named (SLUICE_GIT_ALLOW_ORIGINS): use https.',
    );
  return no('Only https and ssh repositories are allowed.');
}

/** Reads the setting: origins divided by commas. */
export function plainHttpOrigins(text: string): { readonly origins: readonly string[]; readonly problem?: string } {
  const written = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const origins: string[] = [];
  for (const part of written) {
    const url = URL.parse(part);
    if (url === null || url.protocol !== 'http:' || url.origin !== part.replace(/\/$/, '')) {
      return {
        origins: [],
        problem: `holds "${part}", which is no plain http origin: write it like http://127.0.0.1:4080`,
      };
    }
    origins.push(url.origin);
  }
  return { origins };
}

/** Full name of a ref. Undefined when git would not accept it as one. */
export function fullRefName(ref: string): string | undefined {
  const full = ref.startsWith('refs/') ? ref : `refs/heads/${ref}`;
  const parts = full.split('/');
  const good =
    full.length <= 1024 &&
    full.isWellFormed() &&
    parts.length >= 3 &&
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    !/[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\.$/.test(full) &&
    parts.every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock')) &&
    !(parts[2] ?? '').startsWith('-');
  return good ? full : undefined;
}

function no(problem: string): RepositoryAddress {
  return { ok: false, problem };
}
