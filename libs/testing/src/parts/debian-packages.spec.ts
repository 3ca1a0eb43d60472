import { describe, expect, it } from 'vitest';
import { MissingPackageError, ensureDebianPackages, programPath } from './debian-packages.ts';

describe('ensureDebianPackages', () => {
  it('does nothing when everything is there', async () => {
    await ensureDebianPackages(['git', 'tar'], { report: () => expect.unreachable() });
  });

  it('names the command to type', () => {
    expect(new MissingPackageError(['docker.io', 'git'], 'docker.io, git are needed').message).toBe(
      'docker.io, git are needed: install with  sudo apt-get install -y --no-install-recommends docker.io git',
    );
  });

  it('finds programs on PATH by absolute path only', () => {
    expect(programPath('sh')).toMatch(/^\/.*\/sh$/);
    expect(programPath('no-such-program-here')).toBeUndefined();
  });
});
