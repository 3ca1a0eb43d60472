import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { armFailpoints, failpoint, FailpointError } from './failpoints.ts';
import { failpointsOf, isFailpoint } from './failpoint-names.ts';

afterEach(() => armFailpoints(undefined, undefined));

describe('failpoints', () => {
  it('throw on the pass that was told and on no other', async () => {
    armFailpoints('webhook:before-commit=throw@2', 'test');
    await failpoint('webhook:before-commit');
    await expect(failpoint('webhook:before-commit')).rejects.toThrow(FailpointError);
    await failpoint('webhook:before-commit');
    await failpoint('webhook:after-commit');
  });

  it('are refused when there is no such name', () => {
    expect(() => armFailpoints('webhook:befor-commit=exit', 'test')).toThrow(
      'SLUICE_FAILPOINTS: there is no failpoint webhook:befor-commit; failpoints.json lists them all.',
    );
  });

  it('are refused in production', () => {
    expect(() => armFailpoints('webhook:before-commit=exit', 'production')).toThrow(/refused when NODE_ENV=production/);
  });

  it('cannot be misspelt in the server: that does not compile', async () => {
    // @ts-expect-error the catalogue has no such name
    await expect(failpoint('webhook:befor-commit')).resolves.toBeUndefined();
  });

  it('stand in the catalogue only when the server passes them', () => {
    const source = fileURLToPath(new URL('../..', import.meta.url));
    const passed = readdirSync(source, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'))
      .flatMap((path) => [...readFileSync(`${source}/${path}`, 'utf8').matchAll(/\bfailpoint\('([^']+)'\)/g)])
      .map(([, name]) => name!);
    expect(passed.filter((name) => !isFailpoint(name))).toEqual([]);
    // Those of targets are made of the names of their actions.
    const listed = failpointsOf('').filter((name) => !name.startsWith('docker:'));
    expect(listed.filter((name) => !passed.includes(name))).toEqual([]);
  });
});
