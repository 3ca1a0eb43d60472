import { isIP } from 'node:net';
import { checkRepositoryUrl } from '@sluice/git';
import { isPublicAddress } from '../../platform/http/public-address.ts';

export type ConnectableUrl =
  | {
      readonly ok: true;
      readonly url: string;
      readonly host: string;
      /** The operator named this exact origin: no look at its addresses. */ readonly allowed: boolean;
    }
  | { readonly ok: false; readonly message: string };

const LOCAL_NAME = /(^|\.)(localhost|local|internal|localdomain|home\.arpa)$/;
const SCP = /^([A-Za-z0-9_][A-Za-z0-9._-]{0,62})@([A-Za-z0-9][A-Za-z0-9.-]{0,252}):(?!\/\/)([^\\]+)$/;

/**
 * Decides by an allow list, before anything is done with the text, whether Sluice may ever read a repository there: what git
 * may be given at all, `user@host:path` too, on hosts that may be public, plus exact origins the operator allowed (A22). The
 * message never repeats the address, which may hold a password. Names are resolved later, when a connection is made.
 */
export function checkConnectableUrl(text: string, allowedOrigins: readonly string[]): ConnectableUrl {
  const [, user, server, path] = SCP.exec(text) ?? [];
  const checked = checkRepositoryUrl(
    path === undefined ? text : `ssh://${user}@${server}/${path.replace(/^\/+/, '')}`,
    allowedOrigins,
  );
  if (!checked.ok) return no(checked.problem);
  return checkHost(checked.url, allowedOrigins);
}

/** The same for the address of an API, which is https, or http at an exact origin that the operator allowed. */
export function checkApiUrl(text: string, allowedOrigins: readonly string[]): ConnectableUrl {
  const url = text.length > 2000 || /[\s\\]/.test(text) ? null : URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.hostname === '')
    return no('The address of the API must be like https://forge.example.com/api/v4.');
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    return no('The address of the API must not have a user, a password, a query or a fragment.');
  if (url.protocol === 'http:' && !allowedOrigins.includes(url.origin))
    return no(
      'Plain http is allowed only for exact origins that the operator named (SLUICE_GIT_ALLOW_ORIGINS): use https.',
    );
  const checked = checkHost(url, allowedOrigins);
  return checked.ok ? { ...checked, url: checked.url.replace(/\/+$/, '') } : checked;
}

function checkHost(url: URL, allowedOrigins: readonly string[]): ConnectableUrl {
  // ssh is no "special" scheme, so its host is not normalised by URL: do it the way https hosts are.
  const host = URL.parse(`https://${url.hostname}/`)?.hostname;
  if (host === undefined || !/^(\[[0-9a-f:.]+\]|[a-z0-9_]([a-z0-9._-]*[a-z0-9_.])?)$/.test(host))
    return no('The host of the address is not a host name.');
  if (allowedOrigins.includes(url.origin)) return { ok: true, url: url.href, host, allowed: true };
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

function no(message: string): ConnectableUrl {
  return { ok: false, message };
}
