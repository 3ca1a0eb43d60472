import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder below the system's temporary one (mode 0700), and how to be rid of it. */
export function temporaryFolder(label: string): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), `sluice-${label}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}
