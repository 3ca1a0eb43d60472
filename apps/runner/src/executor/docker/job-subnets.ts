import { randomInt } from 'node:crypto';

/** Where networks of jobs lie unless it is set: set aside for tests of network devices, so hardly anybody has it on a wire. */
export const DEFAULT_JOB_SUBNETS = '198.19.0.0/16';
/** Each network has room for a gateway and 61 containers. */
const NETWORK_BITS = 26;
const SHORTEST = 8;

/** What is wrong with a setting, or undefined. */
export function jobSubnetsProblem(space: string): string | undefined {
  const [, address = '', bits = ''] = /^(\d{1,3}(?:\.\d{1,3}){3})\/(\d{1,2})$/.exec(space) ?? [];
  const parts = address.split('.').map(Number);
  if (address === '' || parts.some((part) => part > 255)) return 'must be an IPv4 range such as 198.19.0.0/16';
  if (Number(bits) < SHORTEST || Number(bits) > NETWORK_BITS)
    return `must be a range of /${SHORTEST} to /${NETWORK_BITS}, because each job gets a /${NETWORK_BITS} of it`;
  if (numberOf(address) % 2 ** (32 - Number(bits)) !== 0) return `does not begin where a /${bits} begins`;
  const [first = 0, second] = parts;
  if (first === 0 || first === 127 || first >= 224 || (first === 169 && second === 254))
    return 'must be a range that machines may have, not one for loopback, link-local or multicast addresses';
  return undefined;
}

/** All subnets of the range, beginning anywhere: several runners on one engine then seldom want the same. */
export function* jobSubnets(space: string): Generator<string> {
  const [address = '', bits] = space.split('/');
  const count = 2 ** (NETWORK_BITS - Number(bits));
  const begin = randomInt(count);
  for (let at = 0; at < count; at++) {
    const number = numberOf(address) + ((begin + at) % count) * 2 ** (32 - NETWORK_BITS);
    yield `${[24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.')}/${NETWORK_BITS}`;
  }
}

function numberOf(address: string): number {
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0);
}
