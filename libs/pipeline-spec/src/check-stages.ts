import type { FindingCollector } from './collect-findings.ts';
import type { LooseJob, LooseMap } from './loose-tree.ts';
import { asMap, entriesOf, membersOf } from './loose-tree.ts';
import type { PathPart } from './place.ts';
import { quote } from './place.ts';

/** The rules between stages: who may use the built image, and what a release needs. */
export function checkStages(root: LooseMap, jobs: readonly LooseJob[], findings: FindingCollector): void {
  const hasBuild = root['build'] !== undefined;
  for (const job of jobs) {
    checkBuilt(job, job.value['image'], [...job.path, 'image'], hasBuild, findings);
    for (const { value, path } of membersOf(job.value['services'], [...job.path, 'services'])) {
      const container = asMap(value);
      checkBuilt(job, container?.['image'], [...path, 'image'], hasBuild, findings);
      if (container?.['healthy'] !== undefined && container['port'] === undefined) {
        findings.error(
          'healthy-needs-port',
          [...path, 'healthy'],
          '`healthy` needs the `port` it is asked on; write `port: 8080` next to it.',
          'key',
        );
      }
    }
  }
  const release = entriesOf(root['release'], ['release']);
  if (release.length > 0 && !hasBuild) {
    findings.error(
      'release-needs-build',
      ['release'],
      '`release` hands out the image of the build stage; write a `build` stage, or remove `release`.',
      'key',
    );
  }
  const seen = new Set<unknown>();
  for (const { value, path } of release) {
    const environment = asMap(value)?.['environment'];
    if (typeof environment === 'string' && seen.has(environment)) {
      findings.error(
        'duplicate-environment',
        [...path, 'environment'],
        `The environment ${quote(environment)} stands twice in \`release\`; keep one of them.`,
      );
    }
    seen.add(environment);
  }
}

function checkBuilt(
  job: LooseJob,
  image: unknown,
  path: readonly PathPart[],
  hasBuild: boolean,
  findings: FindingCollector,
): void {
  if (image !== 'built') return;
  if (job.stage !== 'test') {
    findings.error(
      'built-outside-test',
      path,
      '`built` is the image that the build stage makes, which comes after the commit stage; name an image such as `node:24`.',
    );
  } else if (!hasBuild) {
    findings.error(
      'built-needs-build',
      path,
      '`built` is the image of the build stage, and this file has none; write a `build` stage or name an image.',
    );
  }
}
