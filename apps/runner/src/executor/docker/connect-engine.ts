import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Docker from 'dockerode';

/** The only place that makes a client of the container engine. */
export function connectEngine({
  dockerHost,
  dockerCertPath,
}: {
  readonly dockerHost?: string;
  readonly dockerCertPath?: string;
}): Docker {
  if (dockerHost === undefined) return new Docker({ socketPath: '/var/run/docker.sock' });
  if (dockerHost.startsWith('unix://')) return new Docker({ socketPath: dockerHost.slice('unix://'.length) });
  const url = new URL(dockerHost.replace(/^tcp:/, 'http:'));
  if (dockerHost.startsWith('ssh://')) {
    const agent = process.env['SSH_AUTH_SOCK'];
    return new Docker({
      protocol: 'ssh',
      host: url.hostname,
      port: Number(url.port || 22),
      username: url.username,
      ...(agent === undefined ? {} : { sshOptions: { agent } }),
    });
  }
  if (dockerCertPath === undefined)
    return new Docker({ protocol: 'http', host: url.hostname, port: Number(url.port || 2375) });
  const pem = (name: string) => readFileSync(join(dockerCertPath, name));
  return new Docker({
    protocol: 'https',
    host: url.hostname,
    port: Number(url.port || 2376),
    ca: pem('ca.pem'),
    cert: pem('cert.pem'),
    key: pem('key.pem'),
  });
}
