export type { Masker, MaskerOptions } from './create-masker.ts';
export { createMasker, DEFAULT_MASK } from './create-masker.ts';
export type { Secret, UnmaskableSecret } from './secret-patterns.ts';
export { MIN_SECRET_LENGTH } from './secret-patterns.ts';
