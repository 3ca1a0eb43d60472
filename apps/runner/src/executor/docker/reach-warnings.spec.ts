import { expect, test } from 'vitest';
import { reachWarnings } from './reach-warnings.ts';

const GOOGLE = '# made by dhcp\nsearch internal\nnameserver 169.254.169.254\n';
const DENIED = { jobMetadata: 'denied', nameServers: [] } as const;

test.each([
  ['nothing to tell', { ...DENIED, helperImage: 'busybox' }, ['nameserver 10.0.0.2\n', ''], []],
  ['metadata open', { ...DENIED, jobMetadata: 'open' }, [GOOGLE], ['Jobs may reach cloud metadata']],
  ['builds as the engine has them', DENIED, [''], ['Steps of image builds are not kept']],
  [
    'name server out of reach',
    { ...DENIED, helperImage: 'busybox' },
    ['nameserver 127.0.0.53\n', GOOGLE],
    ['This machine asks the name server 169.254.169.254, which jobs cannot reach'],
  ],
  ['another name server for jobs', { ...DENIED, helperImage: 'busybox', nameServers: ['10.0.0.2'] }, [GOOGLE], []],
] as const)('A87 at the start is told: %s', (_, config, resolvers, told) => {
  const warnings = reachWarnings(config, [...resolvers]);
  expect(warnings).toHaveLength(told.length);
  for (const [index, begin] of told.entries()) expect(warnings[index]).toContain(begin);
});
