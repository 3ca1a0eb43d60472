import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const NOBODY = 65534;
const module = new URL('host-folder.ts', import.meta.url).href;

/** By somebody who is not root: root may remove everything anyway. Only from here on: nobody may not even read the checkout everywhere. */
const program = `
  import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
  import { HostFolder } from ${JSON.stringify(module)};
  if (process.getuid() === 0) {
    process.setgroups([]);
    process.setgid(${NOBODY});
    process.setuid(${NOBODY});
  }
  const folder = HostFolder.at(process.argv[1], { attemptId: 'a', epoch: 1 });
  await folder.make();
  const deep = folder.workspace + '/modules/deep';
  mkdirSync(deep, { recursive: true });
  writeFileSync(deep + '/file', 'x');
  chmodSync(deep, 0o555);
  chmodSync(folder.workspace + '/modules', 0o000);
  await folder.remove();
`;

test('I31 a workspace whose folders may not be written is removed as well', () => {
  const root = mkdtempSync(join(tmpdir(), 'sluice-host-folder-'));
  chmodSync(root, 0o777);
  try {
    const args = ['--conditions', '@sluice/source', '--no-warnings', '--input-type', 'module', '--eval', program, root];
    const { error, status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    expect({ error, status, stderr }).toEqual({ error: undefined, status: 0, stderr: '' });
    expect(readdirSync(root)).toEqual([]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
