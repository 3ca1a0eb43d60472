const ACCEPT = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/**
 * The digest under which a registry keeps this tag or digest (`Docker-Content-Digest`), undefined when it has no such manifest.
 * Without these Accept headers a registry may answer with a converted old manifest and another digest.
 */
export async function manifestDigest(
  registryUrl: string,
  repository: string,
  reference: string,
): Promise<string | undefined> {
  const url = new URL(`/v2/${repository}/manifests/${reference}`, registryUrl);
  const answer = await fetch(url, { method: 'HEAD', headers: { Accept: ACCEPT }, signal: AbortSignal.timeout(10_000) });
  if (answer.status === 404) return undefined;
  if (!answer.ok) throw new Error(`The registry answered ${answer.status} for ${url.href}`);
  const digest = answer.headers.get('docker-content-digest');
  if (digest === null) throw new Error(`The registry named no Docker-Content-Digest for ${url.href}`);
  return digest;
}
