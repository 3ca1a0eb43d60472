import { lookup as systemLookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { invalid } from './problem.ts';

/** Everything that is not the public internet: own machine, private and shared networks, link-local (cloud metadata), multicast, reserved. */
const PRIVATE = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  PRIVATE.addSubnet(network, bits, 'ipv4');
}
/** Of IPv6 only 2000::/3 is public, without these parts of it. */
const PUBLIC_6 = new BlockList();
PUBLIC_6.addSubnet('2000::', 3, 'ipv6');
for (const [network, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  PRIVATE.addSubnet(network, bits, 'ipv6');
}

/** For an IP address as text; anything else is not public. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !PRIVATE.check(address, 'ipv4');
  return isIP(address) === 6 && PUBLIC_6.check(address, 'ipv6') && !PRIVATE.check(address, 'ipv6');
}

export type Lookup = (host: string) => Promise<readonly string[]>;

const lookupAll: Lookup = async (host) =>
  (await systemLookup(host, { all: true, verbatim: true })).map(({ address }) => address);

/**
 * Addresses of a host, all of them public, for a connection pinned to exactly these (A22, A23): resolving a second time
 * could give others. Throws a Problem (422) when one is not public or none is found.
 */
export async function resolvePublicAddresses(host: string, lookup: Lookup = lookupAll): Promise<readonly string[]> {
  const bare = host.replace(/^\[|\]$/g, '');
  const addresses = isIP(bare) ? [bare] : await lookup(bare).catch(() => []);
  if (addresses.length === 0)
    throw invalid(`The host ${bare} has no address; check its spelling and the name server.`, 'host-unknown');
  if (!addresses.every(isPublicAddress)) {
    throw invalid(
      `The host ${bare} is not on the public internet; an operator can allow its exact origin with SLUICE_GIT_ALLOW_ORIGINS.`,
      'host-not-public',
    );
  }
  return addresses;
}
