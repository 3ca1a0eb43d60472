import { randomUUID } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http';
import { Duplex } from 'node:stream';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { handleUnaryCall, ServiceDefinition } from '@grpc/grpc-js';
import type Docker from 'dockerode';
import type { RegistryCredential } from '../executor.port.ts';
import { callMessages } from './buildkit-messages.ts';
import { engineStatus, wordsOf } from './engine-trouble.ts';
import { credentialOfHost } from './registry-credential.ts';

export interface BuildkitSession {
  /** Named by the build that may ask us. */
  readonly id: string;
  close(): void;
}

const SERVING = 1;
const CREDENTIALS = '/moby.filesync.v1.Auth/Credentials';
const HEALTH = '/grpc.health.v1.Health/Check';

const service: ServiceDefinition = {
  credentials: unary(CREDENTIALS, callMessages('CredentialsRequest', 'CredentialsResponse')),
  health: unary(HEALTH, callMessages('HealthCheckRequest', 'HealthCheckResponse')),
};

/**
 * Opens the connection over which BuildKit asks us while it builds: for the credential of a registry, when it needs one, and every second
 * whether we are still there. A registry is told its own credential, never another's. The answer is a sentence when the engine opens none:
 * then it has no BuildKit, or something between us and it lets none through.
 */
export async function openBuildkitSession(
  docker: Docker,
  registries: readonly RegistryCredential[],
  signal: AbortSignal,
): Promise<BuildkitSession | { readonly none: string }> {
  const id = randomUUID();
  let socket: Duplex;
  try {
    socket = await upgrade(
      docker,
      {
        Upgrade: 'h2c',
        'X-Docker-Expose-Session-Uuid': id,
        'X-Docker-Expose-Session-Name': 'sluice',
        'X-Docker-Expose-Session-Grpc-Method': [CREDENTIALS, HEALTH],
      },
      signal,
    );
  } catch (error) {
    const status = engineStatus(error);
    if (status === undefined || (status >= 500 && status !== 501)) throw error;
    return { none: wordsOf(error) };
  }
  const server = new Server();
  const credentials: handleUnaryCall<{ Host: string }, { Username?: string; Secret?: string }> = (call, answer) => {
    const found = credentialOfHost(call.request.Host, registries);
    answer(null, found === undefined ? {} : { Username: found.username, Secret: found.password });
  };
  const health: handleUnaryCall<object, { status: number }> = (_, answer) => answer(null, { status: SERVING });
  server.addService(service, { credentials, health });
  // An engine that goes away is told by the build itself.
  socket.on('error', () => undefined);
  server.createConnectionInjector(ServerCredentials.createInsecure()).injectConnection(socket);
  return {
    id,
    close: () => {
      server.forceShutdown();
      socket.destroy();
    },
  };
}

function unary(path: string, messages: ReturnType<typeof callMessages>): ServiceDefinition[string] {
  return { path, requestStream: false, responseStream: false, ...messages };
}

function upgrade(docker: Docker, headers: OutgoingHttpHeaders, abortSignal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    docker.modem.dial(
      { path: '/session', method: 'POST', hijack: true, headers, abortSignal, statusCodes: {} },
      (error: unknown, answer: unknown) => {
        if (answer instanceof Duplex) resolve(answer);
        else reject(error instanceof Error ? error : new Error('the engine did not open the connection'));
      },
    );
  });
}
