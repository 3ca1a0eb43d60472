import { isIPv4 } from 'node:net';
import type { MetadataDenial } from './metadata-denial.ts';

/** What every container of a job can reach, the same for all jobs of a runner. */
export interface JobReach {
  readonly metadata: MetadataDenial;
  /** Asked by the engine on behalf of jobs instead of its own ones; none = its own. */
  readonly nameServers: readonly string[];
}

/** What is wrong with a name server for jobs, or undefined. Networks of jobs have no IPv6. */
export function nameServerProblem(address: string): string | undefined {
  if (!isIPv4(address)) return `holds "${address}", which is no IPv4 address: write it like 10.0.0.2`;
  // The engine asks from inside the container, where these lead to the container itself or nowhere.
  return /^(0|127|169\.254)\./.test(address)
    ? `holds ${address}, which jobs cannot reach: name a server that is neither loopback nor link-local`
    : undefined;
}
