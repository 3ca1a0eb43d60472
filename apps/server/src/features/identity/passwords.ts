import { hash, verify } from '@node-rs/argon2';

/** OWASP's first choice: argon2id (the library's default), 19 MiB, 2 passes. */
const OPTIONS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
/** Longer texts would only cost us time (A77). */
export const PASSWORD_LIMIT = 128;

export async function hashPassword(password: string): Promise<string> {
  return hash(password, OPTIONS);
}

let nobody: Promise<string> | undefined;

/** Takes as long for an unknown person as for a known one. */
export async function verifyPassword(password: string, stored: string | undefined): Promise<boolean> {
  if (password.length > PASSWORD_LIMIT) return false;
  nobody ??= hashPassword('a person who does not exist');
  const matches = await verify(stored ?? (await nobody), password);
  return matches && stored !== undefined;
}
