import type { FindingCollector } from './collect-findings.ts';
import type { LooseJob } from './loose-tree.ts';

/** What only a container can give, with what to write instead. */
const OF_CONTAINERS: Readonly<Record<string, string>> = {
  image: 'a job runs either in a container of this image or on the host: keep one of the two keys',
  services:
    "service containers stand in the network of the job's own container: name an `image` instead of `host`, or start what the steps need in a step",
  resources: 'nothing limits the processes of such a job: name an `image` instead of `host`, or remove `resources`',
};

/** A job says where its steps run, and on the host it asks for nothing that needs a container. */
export function checkHosts(jobs: readonly LooseJob[], findings: FindingCollector): void {
  for (const { value, path } of jobs) {
    if (value['host'] === undefined) {
      if (value['image'] !== undefined) continue;
      const message = `\`${path.join('.')}.image\` is missing; name the image that the steps run in, such as \`node:24\`.`;
      findings.error('missing-key', [...path, 'image'], message, 'key');
      continue;
    }
    for (const [key, why] of Object.entries(OF_CONTAINERS)) {
      if (value[key] === undefined) continue;
      findings.error('host-without-container', [...path, key], `\`${key}\` does not go with \`host\`; ${why}.`, 'key');
    }
  }
}
