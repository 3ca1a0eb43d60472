import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../parts/temporary-folder.ts';
import { EXAMPLE_REGISTRY, copyExample } from './copy-example.ts';

const folder = temporaryFolder('copy-example-spec');
afterAll(() => folder.remove());

describe('copyExample', () => {
  it('puts the registry in place of the written one, in the files that name it', () => {
    const from = join(folder.path, 'from');
    mkdirSync(join(from, 'src'), { recursive: true });
    writeFileSync(join(from, 'Dockerfile'), `FROM ${EXAMPLE_REGISTRY}/base/node:24\n`);
    writeFileSync(join(from, 'sluice.yaml'), `image: ${EXAMPLE_REGISTRY}/a\nother: ${EXAMPLE_REGISTRY}/b\n`);
    writeFileSync(join(from, 'src', 'main.js'), '// code\n');
    const to = join(folder.path, 'to');
    copyExample(from, to, '127.0.0.1:5055');
    expect(readFileSync(join(to, 'Dockerfile'), 'utf8')).toBe('FROM 127.0.0.1:5055/base/node:24\n');
    expect(readFileSync(join(to, 'sluice.yaml'), 'utf8')).toBe('image: 127.0.0.1:5055/a\nother: 127.0.0.1:5055/b\n');
    expect(readFileSync(join(to, 'src', 'main.js'), 'utf8')).toBe('// code\n');
  });

  it('refuses what is no registry address', () => {
    expect(() => copyExample('/a', '/b', 'host/with\nnewline')).toThrow('is no registry address');
  });
});
