export const MIN_MEMORY_MIB = 16;
export const MAX_MEMORY_MIB = 256 * 1024;

export const MEMORY_PATTERN = /^(\d{1,6})(m|M|Mi|MiB|g|G|Gi|GiB)$/;

/** MiB of `512m`, `2g`, `2GiB` or a whole number of MiB; undefined when it is none of them or out of bounds. */
export function parseMemory(value: string | number): number | undefined {
  const mebibytes = typeof value === 'number' ? value : mebibytesOf(value);
  if (mebibytes === undefined || !Number.isInteger(mebibytes)) return undefined;
  return mebibytes >= MIN_MEMORY_MIB && mebibytes <= MAX_MEMORY_MIB ? mebibytes : undefined;
}

function mebibytesOf(text: string): number | undefined {
  const parts = MEMORY_PATTERN.exec(text);
  if (parts === null) return undefined;
  return Number(parts[1]) * (parts[2]?.toLowerCase().startsWith('g') === true ? 1024 : 1);
}
