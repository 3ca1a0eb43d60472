import { quote } from './place.ts';

/** An OCI reference taken apart. `registry` is absent for names of the default registry (`node:24`). */
export interface ImageReference {
  readonly registry?: string;
  readonly path: string;
  readonly tag?: string;
  readonly digest?: string;
}

export type ImageReferenceResult =
  { readonly ok: true; readonly reference: ImageReference } | { readonly ok: false; readonly problem: string };

const HOST_LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/;
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$|^sha512:[0-9a-f]{128}$/;

/**
 * Reads an image reference by the OCI grammar, by splitting rather than by one large expression so that the problem can be
 * named. A text that begins with `-` never gets through: it would be read as an option by a command line tool.
 */
export function parseImageReference(text: string): ImageReferenceResult {
  const no = (problem: string): ImageReferenceResult => ({ ok: false, problem });
  if (text === '') return no('it is empty');
  if (text.length > 512) return no('it is longer than 512 characters');
  const at = text.indexOf('@');
  const digest = at === -1 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !DIGEST.test(digest)) {
    return no(`the digest ${quote(digest)} is not \`sha256:\` and 64 lower-case hexadecimal digits`);
  }
  const named = at === -1 ? text : text.slice(0, at);
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const tag = colon === -1 ? undefined : named.slice(colon + 1);
  if (tag !== undefined && !TAG.test(tag))
    return no(`the tag ${quote(tag)} is not letters, digits, \`_\`, \`.\` and \`-\``);
  const components = (colon === -1 ? named : named.slice(0, colon)).split('/');
  const first = components[0] ?? '';
  const registry = components.length > 1 && /[.:]|^localhost$|[A-Z]/.test(first) ? first : undefined;
  if (registry !== undefined && !isRegistryHost(registry)) return no(`${quote(registry)} is not a registry host`);
  const path = registry === undefined ? components : components.slice(1);
  const wrong = path.find((component) => !PATH_COMPONENT.test(component));
  if (wrong !== undefined)
    return no(`the part ${quote(wrong)} is not lower-case letters and digits joined by \`.\`, \`_\` or \`-\``);
  if (path.join('/').length > 255) return no('its name is longer than 255 characters');
  return {
    ok: true,
    reference: {
      path: path.join('/'),
      ...(registry !== undefined && { registry }),
      ...(tag !== undefined && { tag }),
      ...(digest !== undefined && { digest }),
    },
  };
}

/** `host[:port]/path`, the form of `build.image.repository`; undefined when it is one, else what is wrong with it. */
export function repositoryProblem(text: string): string | undefined {
  const result = parseImageReference(text);
  if (!result.ok) return result.problem;
  if (result.reference.digest !== undefined) return 'it carries a digest, which only the registry gives';
  if (result.reference.tag !== undefined) return 'it carries a tag, which the run chooses';
  if (result.reference.registry === undefined) return 'it has no registry host in front of the path';
  return undefined;
}

function isRegistryHost(text: string): boolean {
  const colon = text.indexOf(':');
  const host = colon === -1 ? text : text.slice(0, colon);
  const port = colon === -1 ? undefined : text.slice(colon + 1);
  if (host.length > 253 || !host.split('.').every((label) => label.length <= 63 && HOST_LABEL.test(label)))
    return false;
  return port === undefined || (/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65535);
}
