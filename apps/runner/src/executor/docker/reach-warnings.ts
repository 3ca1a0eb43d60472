import { readFileSync } from 'node:fs';
import type { RunnerConfig } from '../../config.ts';

/** Where an engine on this machine takes its name servers from. */
const RESOLVERS = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];

/** What an operator should know of the reach of jobs, a sentence each; told at the start. */
export function reachWarnings(
  { jobMetadata, helperImage, nameServers }: Pick<RunnerConfig, 'jobMetadata' | 'helperImage' | 'nameServers'>,
  resolvers = RESOLVERS.map(textOf),
): string[] {
  if (jobMetadata === 'open') return ['Jobs may reach cloud metadata, as SLUICE_RUNNER_JOB_METADATA=open says.'];
  const [nameServer] = resolvers.flatMap((text) => /^nameserver\s+(169\.254\.\S+)/m.exec(text)?.[1] ?? []);
  return [
    ...(helperImage === undefined
      ? [
          'Steps of image builds are not kept from cloud metadata: set SLUICE_RUNNER_HELPER_IMAGE to an image with sh, such as busybox.',
        ]
      : []),
    ...(nameServer === undefined || nameServers.length > 0
      ? []
      : [
          `This machine asks the name server ${nameServer}, which jobs cannot reach: name another one in SLUICE_RUNNER_DNS (or in "dns" of the engine's daemon.json), or jobs find no names.`,
        ]),
  ];
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
