import { isIP } from 'node:net';
import { isPublicAddress } from '../../platform/http/public-address.ts';

export type RepositoryUrl =
  | {
      readonly ok: true;
      readonly url: string;
      readonly host: string;
      /** The operator named this exact origin: no look at its addresses. */ readonly allowed: boolean;
    }
  | { readonly ok: false; readonly message: string };

const LOCAL_NAME = /(^|\.)(localhost|local|internal|localdomain|home\.arpa)$/;
const SCP = /^([A-Za-z0-9_][A-Za-z0-9._-]{0,62})@([A-Za-z0-9][A-Za-z0-9.-]{0,252}):(?!\/\/)([^\\]+)$/;
const USER = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/;

/**
 * Decides by an allow list, before anything is done with the text, whether Sluice may ever read a repository there:
 * https and ssh to hosts that may be public, plus exact origins the operator allowed (A19-A22, A25, A26). The message
 * never repeats the address, which may hold a password. Names are resolved later, when a connection is made.
 */
export function checkRepositoryUrl(text: string, allowedOrigins: readonly string[]): RepositoryUrl {
  if (text.length > 2000)
    return no('The address is longer than 2000 characters; give the clone address of the repository.');
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0020\u007f-\u00a0\u2028\u2029\\]/.test(text) || /%(0[0-9a-f]|1[0-9a-f]|20|5c|7f)/i.test(text)) {
    return no(
      'The address holds a space, a line break, a backslash or an invisible character; give a plain address such as https://host/team/repository.git.',
    );
  }
  if (text.startsWith('-')) return no('The address begins with "-"; give one that begins with https:// or ssh://.');
  const scp = SCP.exec(text);
  const url = URL.parse(scp ? `ssh://${scp[1]}@${scp[2]}/${scp[3]!.replace(/^\/+/, '')}` : text);
  if (url === null || !/^[a-z][a-z0-9+.-]*:\/\//i.test(scp ? url.href : text)) {
    return no('This is not an address of a repository on the network; give one that begins with https:// or ssh://.');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'ssh:' && url.protocol !== 'http:') {
    return no(
      `Addresses that begin with ${url.protocol.slice(0, 20)} are refused; give one that begins with https:// or ssh://.`,
    );
  }
  if (url.password !== '' || (url.username !== '' && url.protocol !== 'ssh:')) {
    return no('The address holds a user or a password; give it without, and the credential in its own field.');
  }
  if (url.username !== '' && !USER.test(url.username))
    return no('The user in the ssh address is refused; use letters, digits, ".", "_" and "-".');
  if (url.search !== '' || url.hash !== '') return no('The address holds "?" or "#"; give the clone address alone.');
  if (url.pathname === '/' || url.pathname === '')
    return no('The address names no repository; give host and path, such as https://host/team/repository.git.');
  // ssh is no "special" scheme, so its host is not normalised by URL: do it the way https hosts are.
  const host = URL.parse(`https://${url.host === '' ? 'x' : url.hostname}/`)?.hostname;
  if (url.host === '' || host === undefined || !/^(\[[0-9a-f:.]+\]|[a-z0-9_]([a-z0-9._-]*[a-z0-9_.])?)$/.test(host))
    return no('The host of the address is not a host name.');
  if (allowedOrigins.includes(url.origin)) return { ok: true, url: url.href, host, allowed: true };
  if (url.protocol === 'http:') {
    return no(
      'Plain http is refused; use https, or let an operator allow the exact origin with SLUICE_GIT_ALLOW_ORIGINS.',
    );
  }
  const name = host.replace(/\.$/, '');
  const address = name.replace(/^\[|\]$/g, '');
  if (isIP(address) ? !isPublicAddress(address) : LOCAL_NAME.test(name)) {
    return no(
      'The host is not on the public internet; an operator can allow its exact origin with SLUICE_GIT_ALLOW_ORIGINS.',
    );
  }
  if (url.protocol === 'ssh:') url.hostname = name;
  return { ok: true, url: url.href, host: name, allowed: false };
}

function no(message: string): RepositoryUrl {
  return { ok: false, message };
}
