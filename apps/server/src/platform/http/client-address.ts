import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';

/** Who calls, as an IP address: the proxy's word where the proxy is trusted, else the other end of the connection. */
export function clientAddress(request: Pick<FastifyRequest, 'ip' | 'socket'>): string {
  const said = plain(request.ip);
  return isIP(said) === 0 ? plain(request.socket.remoteAddress ?? '') : said;
}

/** What limits count by: an IPv6 customer owns a network of /64 and could use a new address for each try. */
export function limitKey(address: string): string {
  if (isIP(address) !== 6) return address;
  const [left = '', right = ''] = address.split('%')[0]!.split('::');
  const [head, tail] = [left, right].map((half) => (half === '' ? [] : half.split(':')));
  const zeros = Array.from({ length: Math.max(0, 8 - head!.length - tail!.length) }, () => '0');
  const groups = address.includes('::') ? [...head!, ...zeros, ...tail!] : head!;
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

/** IPv4 inside IPv6 is IPv4. */
function plain(address: string): string {
  const [, inner] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  return inner ?? address;
}

/** A trusted proxy says that the person's part of the way is not encrypted. */
export function cameByPlainHttp(request: Pick<FastifyRequest, 'protocol' | 'headers' | 'ip' | 'socket'>): boolean {
  const throughProxy = request.ip !== request.socket.remoteAddress;
  return throughProxy && request.headers['x-forwarded-proto'] !== undefined && request.protocol === 'http';
}
