import { createHash } from 'node:crypto';
import type { RegistryCredential } from '../executor.port.ts';
import { askRegistry } from './registry-api.ts';

const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';

export interface PlatformImage {
  /** `linux/arm64`, `linux/arm/v7` */
  readonly platform: string;
  readonly digest: string;
}

/** Puts one index of images that the repository has already, under this tag. Returns the digest that the registry answered. */
export async function pushIndex(
  repository: string,
  tag: string,
  images: readonly PlatformImage[],
  credentials: readonly RegistryCredential[],
  signal: AbortSignal,
): Promise<string> {
  const manifests = await Promise.all(images.map((image) => entryOf(repository, image, credentials, signal)));
  const mediaType = manifests.every((one) => one.mediaType === DOCKER_MANIFEST) ? DOCKER_LIST : OCI_INDEX;
  const body = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
  const headers = { 'content-type': mediaType };
  const answer = await askRegistry(repository, { method: 'PUT', manifest: tag, headers, body }, credentials, signal);
  const digest = answer.headers.get('docker-content-digest');
  if (digest !== digestOf(body))
    throw new Error(`the registry returned the digest ${digest} for an index whose digest is ${digestOf(body)}`);
  return digest;
}

async function entryOf(
  repository: string,
  { platform, digest }: PlatformImage,
  credentials: readonly RegistryCredential[],
  signal: AbortSignal,
) {
  const headers = { accept: `${DOCKER_MANIFEST}, ${OCI_MANIFEST}` };
  const answer = await askRegistry(repository, { method: 'GET', manifest: digest, headers }, credentials, signal);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (digestOf(bytes) !== digest) throw new Error(`the registry returned something else than ${digest} by its digest`);
  const [os, architecture, variant] = platform.split('/');
  return {
    mediaType: answer.headers.get('content-type') ?? DOCKER_MANIFEST,
    size: bytes.length,
    digest,
    platform: { architecture, os, ...(variant === undefined ? {} : { variant }) },
  };
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
