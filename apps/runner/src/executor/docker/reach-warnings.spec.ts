import { expect, test } from 'vitest';
import { reachWarnings } from './reach-warnings.ts';

const GOOGLE = '# made by dhcp\nsearch internal\nnameserver 169.254.169.254\n';

test.each([
  ['nothing to tell', { jobMetadata: 'denied', helperImage: 'busybox' }, ['nameserver 10.0.0.2\n', ''], []],
  ['metadata open', { jobMetadata: 'open' }, [GOOGLE], ['Jobs may reach cloud metadata']],
  ['builds as the engine has them', { jobMetadata: 'denied' }, [''], ['Steps of image builds are not kept']],
  [
    'name server out of reach',
    { jobMetadata: 'denied', helperImage: 'busybox' },
    ['nameserver 127.0.0.53\n', GOOGLE],
    ['This machine asks the name server 169.254.169.254, which jobs cannot reach'],
  ],
] as const)('A87 at the start is told: %s', (_, config, resolvers, told) => {
  const warnings = reachWarnings(config, [...resolvers]);
  expect(warnings).toHaveLength(told.length);
  for (const [index, begin] of told.entries()) expect(warnings[index]).toContain(begin);
});
