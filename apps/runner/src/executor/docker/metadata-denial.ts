import type Docker from 'dockerode';
import { ExecutorTrouble } from '../executor.port.ts';
import { runQuietly } from './run-in-container.ts';

/** Where clouds answer with credentials: nearly all of them at the first, Amazon also for tasks and pods. */
const WELL_KNOWN = ['169.254.169.254', '169.254.170.2', '169.254.170.23'];

/** Exit code 0: the whole range of link-local addresses lies on the container's own wire. Needs nothing but the shell. */
const LOOK_AT_ROUTES = `
while read -r _ to via _ _ _ _ mask _; do
  case "$to $via $mask" in "0000FEA9 00000000 0000FFFF" | "A9FE0000 00000000 FFFF0000") exit 0 ;; esac
done </proc/net/route
exit 1
`;

/**
 * Keeps containers from link-local addresses, where clouds answer with credentials of the machine: every container has the
 * well-known ones itself, so a question to them stays inside of it and is refused at once, and with them comes a route that ends
 * the rest of the range at the network's own wire, where nobody answers. Needs no right on the engine's host and
 * cannot be undone inside, since that takes a capability that jobs do not have. Networks of jobs have no IPv6.
 */
export class MetadataDenial {
  readonly #isWanted: boolean;
  #isProven = false;

  constructor(isWanted: boolean) {
    this.#isWanted = isWanted;
  }

  /** Goes into the settings of the container on its network. */
  get endpoint(): Docker.EndpointSettings {
    return this.#isWanted ? ({ IPAMConfig: { LinkLocalIPs: WELL_KNOWN } } as unknown as Docker.EndpointSettings) : {};
  }

  /** An engine that does not know such addresses may keep silent about it, so the first running container is looked at. */
  async prove(container: Docker.Container): Promise<void> {
    if (!this.#isWanted || this.#isProven) return;
    if ((await runQuietly(container, ['sh', '-c', LOOK_AT_ROUTES])) !== 0)
      throw new ExecutorTrouble(
        'engine',
        'The container engine does not keep jobs from the addresses of cloud metadata: use Docker Engine, or allow them with SLUICE_RUNNER_JOB_METADATA=open on the runner.',
      );
    this.#isProven = true;
  }
}
