const DEFAULT_REGISTRY = 'docker.io';

/** Registry (`host[:port]`) of an image or repository, by the rule that engines use: the first part is a host when it could not be a name. */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const isHost = rest.length > 0 && (first.includes('.') || first.includes(':') || first === 'localhost');
  return isHost ? first : DEFAULT_REGISTRY;
}
