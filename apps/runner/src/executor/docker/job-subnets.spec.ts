import { expect, test } from 'vitest';
import { DEFAULT_JOB_SUBNETS, jobSubnets, jobSubnetsProblem } from './job-subnets.ts';

test('a range is cut into subnets, each once, none outside', () => {
  expect([...jobSubnets('10.1.2.0/24')].sort()).toEqual([
    '10.1.2.0/26',
    '10.1.2.128/26',
    '10.1.2.192/26',
    '10.1.2.64/26',
  ]);
  expect([...jobSubnets('192.168.7.64/26')]).toEqual(['192.168.7.64/26']);
  const all = new Set(jobSubnets(DEFAULT_JOB_SUBNETS));
  expect(all.size).toBe(1024);
  expect([...all].every((subnet) => subnet.startsWith('198.19.'))).toBe(true);
});

test.each([
  ['198.19.0.0/16', undefined],
  ['10.0.0.0/8', undefined],
  ['10.0.0.64/26', undefined],
  ['10.0.0.0', 'must be an IPv4 range such as 198.19.0.0/16'],
  ['10.0.0.256/24', 'must be an IPv4 range such as 198.19.0.0/16'],
  ['fd00::/8', 'must be an IPv4 range such as 198.19.0.0/16'],
  ['10.0.0.0/27', 'must be a range of /8 to /26, because each job gets a /26 of it'],
  ['10.0.0.0/7', 'must be a range of /8 to /26, because each job gets a /26 of it'],
  ['10.1.0.0/8', 'does not begin where a /8 begins'],
  ['169.254.0.0/16', 'must be a range that machines may have, not one for loopback, link-local or multicast addresses'],
  ['127.0.0.0/8', 'must be a range that machines may have, not one for loopback, link-local or multicast addresses'],
  ['224.0.0.0/8', 'must be a range that machines may have, not one for loopback, link-local or multicast addresses'],
])('%s as a range for jobs: %s', (space, problem) => {
  expect(jobSubnetsProblem(space)).toBe(problem);
});
