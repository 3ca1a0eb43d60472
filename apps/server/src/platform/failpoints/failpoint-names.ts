import catalogue from './failpoints.json' with { type: 'json' };

/** Every failpoint there is; `failpoints.json` says of each what has happened by then and what has not. */
export type FailpointName = keyof typeof catalogue;

export function isFailpoint(name: string): name is FailpointName {
  return Object.hasOwn(catalogue, name);
}

/** Those whose names begin with this, in the order of the catalogue. */
export function failpointsOf<Prefix extends string>(
  prefix: Prefix,
): readonly Extract<FailpointName, `${Prefix}${string}`>[] {
  return Object.keys(catalogue).filter((name) => name.startsWith(prefix)) as Extract<
    FailpointName,
    `${Prefix}${string}`
  >[];
}
