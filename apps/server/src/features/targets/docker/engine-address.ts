import { X509Certificate, createPrivateKey } from 'node:crypto';
import { TargetUnusableError } from '../target.port.ts';

/** How to reach an engine; nothing is taken from the server's own surroundings. */
export type EngineAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | {
      readonly kind: 'tls';
      readonly host: string;
      readonly port: number;
      readonly ca: string[];
      readonly cert: string;
      readonly key: string;
    }
  | {
      readonly kind: 'ssh';
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly privateKey: string;
      /** Base64 public keys that the host may show. */
      readonly hostKeys: readonly string[];
    };

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/g;

/** Throws TargetUnusableError. `credential` is the value of the secret that the settings name. */
export function engineAddress(
  engine: string,
  secretName: string | undefined,
  credential: string | undefined,
): EngineAddress {
  if (engine.startsWith('unix://')) {
    const path = engine.slice('unix://'.length);
    if (!path.startsWith('/'))
      throw new TargetUnusableError(
        `The engine address ${engine} has no absolute path; write unix:///path/to/docker.sock.`,
      );
    return { kind: 'unix', path };
  }
  const url = URL.parse(engine);
  if (url === null || url.hostname === '')
    throw new TargetUnusableError(
      `The engine address ${engine} is no address; write ssh://user@host or tcp://host:2376.`,
    );
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const text = (what: string) => {
    if (secretName === undefined)
      throw new TargetUnusableError(
        `The engine ${engine} needs ${what}; store it as a secret of the environment and name that in target.credential.`,
      );
    if (credential === undefined)
      throw new TargetUnusableError(
        `The secret ${secretName} (target.credential) has no value here; set it to ${what}.`,
      );
    return credential;
  };
  if (url.protocol === 'tcp:') {
    return {
      kind: 'tls',
      host,
      port: Number(url.port || 2376),
      ...clientIdentity(text('a client certificate, its key and the CA, as PEM'), secretName),
    };
  }
  if (url.protocol === 'ssh:') {
    if (url.username === '')
      throw new TargetUnusableError(`The engine address ${engine} names no user; write ssh://user@host.`);
    const port = Number(url.port || 22);
    return {
      kind: 'ssh',
      host,
      port,
      user: decodeURIComponent(url.username),
      ...sshIdentity(text('a private key and a known_hosts line of the host'), secretName),
    };
  }
  throw new TargetUnusableError(`The engine address ${engine} is not unix://, ssh:// or tcp://.`);
}

/** One PEM text in any order: the certificate that fits the key is the client's, the others are authorities. */
function clientIdentity(pem: string, secretName: string | undefined): { ca: string[]; cert: string; key: string } {
  const blocks = [...pem.matchAll(BLOCK)];
  const key = blocks.find(([, label]) => label?.endsWith('PRIVATE KEY'))?.[0];
  const certificates = blocks.filter(([, label]) => label === 'CERTIFICATE').map(([text]) => text);
  const cert = key === undefined ? undefined : certificates.find((text) => fits(text, key));
  const ca = certificates.filter((text) => text !== cert);
  if (key === undefined || cert === undefined || ca.length === 0) {
    throw new TargetUnusableError(
      `The secret ${secretName ?? ''} must hold PEM texts of a private key without passphrase, the certificate that belongs to it, and the CA of the engine.`,
    );
  }
  return { ca, cert, key };
}

function fits(certificate: string, key: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

/** A private key, and below it lines of known_hosts: without a pinned host key anyone in between could be the engine. */
function sshIdentity(text: string, secretName: string | undefined): { privateKey: string; hostKeys: string[] } {
  const privateKey = [...text.matchAll(BLOCK)].find(([, label]) => label?.endsWith('PRIVATE KEY'))?.[0];
  const rest = text.replaceAll(BLOCK, '');
  const hostKeys = [...rest.matchAll(/(?:ssh-|ecdsa-)[a-z0-9@.-]+\s+([A-Za-z0-9+/]+=*)/g)].map(([, key]) => key!);
  if (privateKey === undefined || hostKeys.length === 0) {
    throw new TargetUnusableError(
      `The secret ${secretName ?? ''} must hold a private key without passphrase and, below it, the host's line of known_hosts (ssh-keyscan shows it).`,
    );
  }
  return { privateKey: `${privateKey}\n`, hostKeys };
}
