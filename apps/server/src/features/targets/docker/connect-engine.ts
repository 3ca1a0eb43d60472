import Docker from 'dockerode';
import type { EngineAddress } from './engine-address.ts';
import { SshAgent } from './ssh-agent.ts';

export interface Engine {
  readonly api: Docker;
  /** The same engine, for calls that may be silent for minutes. */
  readonly patientApi: Docker;
  /** This process shares a machine with the engine, so that its mapped ports can be asked directly. */
  readonly local: boolean;
  close(): void;
}

const ANSWER_MS = 45_000;
const PULL_SILENCE_MS = 10 * 60_000;

/** Opens no connection yet. Every option is given: the library would fill gaps from DOCKER_HOST and its relatives. */
export function connectEngine(address: EngineAddress): Engine {
  const nothing = {
    host: undefined,
    port: undefined,
    socketPath: undefined,
    ca: undefined,
    cert: undefined,
    key: undefined,
    pathPrefix: '/',
  };
  const agent = address.kind === 'ssh' ? new SshAgent(address) : undefined;
  const open = (timeout: number) => {
    const api = new Docker({ ...nothing, timeout, ...transport(address, agent) } as Docker.DockerOptions);
    return api;
  };
  return {
    api: open(ANSWER_MS),
    patientApi: open(PULL_SILENCE_MS),
    local: address.kind === 'unix',
    close: () => agent?.destroy(),
  };
}

function transport(address: EngineAddress, agent: SshAgent | undefined): object {
  switch (address.kind) {
    case 'unix':
      return { protocol: 'http', socketPath: address.path };
    case 'tls':
      return {
        protocol: 'https',
        host: address.host,
        port: address.port,
        ca: address.ca.join('\n'),
        cert: address.cert,
        key: address.key,
      };
    case 'ssh':
      return { protocol: 'http', host: 'engine', port: 80, agent };
  }
}
