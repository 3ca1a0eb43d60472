import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHash, randomBytes } from 'node:crypto';
import type { Installation } from '@sluice/testing';

/** What a later start of the demo must know; readable by the owner alone, since it holds the demo's passwords. */
export interface DemoState {
  readonly gitPassword: string;
  readonly installation?: Installation;
}

export interface DemoPorts {
  readonly server: number;
  readonly git: number;
  readonly registry: number;
}

export const PORTS: DemoPorts = { server: 4000, git: 4010, registry: 4011 };

/** `.sluice-demo/` of the clone: database, images, repositories, work trees, logs. */
export class DemoFolder {
  readonly path: string;
  constructor(root: string) {
    this.path = join(root, '.sluice-demo');
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
  }

  /** The engine's network of an environment. Each clone has its own: what another one released is not started again here. */
  network(environment: 'staging' | 'production'): string {
    return `sluice-demo-${createHash('sha256').update(this.path).digest('hex').slice(0, 8)}-${environment}`;
  }

  file(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  read(): DemoState {
    const path = this.file('demo.json');
    if (!existsSync(path)) return { gitPassword: randomBytes(12).toString('base64url') };
    return JSON.parse(readFileSync(path, 'utf8')) as DemoState;
  }

  write(state: DemoState): void {
    const path = this.file('demo.json');
    writeFileSync(`${path}.new`, JSON.stringify(state, null, 2), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
}
