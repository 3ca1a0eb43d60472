import { describe, expect, it } from 'vitest';
import { isPublicAddress, resolvePublicAddresses } from '../../platform/http/public-address.ts';
import { checkConnectableUrl } from './check-connectable-url.ts';

const allowed = ['http://127.0.0.1:4010'];

describe('checkConnectableUrl', () => {
  it.each([
    ['https://github.com/team/app.git', 'https://github.com/team/app.git'],
    ['https://GitHub.com:443/team/app', 'https://github.com/team/app'],
    ['ssh://git@github.com/team/app.git', 'ssh://git@github.com/team/app.git'],
    ['git@github.com:team/app.git', 'ssh://git@github.com/team/app.git'],
    ['https://gitlab.com/group/-/app.git', 'https://gitlab.com/group/-/app.git'],
    ['http://127.0.0.1:4010/catalog.git', 'http://127.0.0.1:4010/catalog.git'],
    ['https://8.8.8.8/app.git', 'https://8.8.8.8/app.git'],
  ])('accepts %s', (text, url) => {
    expect(checkConnectableUrl(text, allowed)).toMatchObject({ ok: true, url });
  });

  it.each([
    ['A19', '--upload-pack=touch /tmp/x'],
    ['A20', 'ext::sh -c whoami'],
    ['A21', 'file:///etc'],
    ['A22', 'http://127.0.0.1:6379/x'],
    ['A22', 'http://127.0.0.1:4011/catalog.git'],
    ['A22', 'https://127.0.0.1:4010/catalog.git'],
    ['A22', 'https://127.0.0.1/x'],
    ['A22', 'https://[::1]/x'],
    ['A22', 'https://[::ffff:127.0.0.1]/x'],
    ['A22', 'https://0x7f.1/x'],
    ['A22', 'ssh://git@0x7f.1/x'],
    ['A22', 'ssh://git@2130706433/x'],
    ['A22', 'https://169.254.169.254/latest'],
    ['A22', 'https://10.0.0.1/x'],
    ['A22', 'https://192.168.1.1/x'],
    ['A22', 'https://172.31.0.1/x'],
    ['A22', 'https://100.64.0.1/x'],
    ['A22', 'https://localhost./x'],
    ['A22', 'https://LOCALHOST/x'],
    ['A22', 'https://app.localhost/x'],
    ['A22', 'https://metadata.google.internal/x'],
    ['A22', 'https://①②⑦.0.0.1/x'],
    ['A22', 'https://[fd00::1]/x'],
    ['A22', 'https://[fe80::1]/x'],
    ['A22', 'https://[64:ff9b::7f00:1]/x'],
    ['A22', 'https://0/x'],
    ['A22', 'http://github.com/team/app'],
    ['A25', 'https://u:p@host/app.git'],
    ['A26', 'https://host/app%0agit'],
    ['A26', 'git@host:team/app%0agit'],
    ['A20', 'git@host:'],
  ])('%s refuses %j with a sentence that does not repeat it', (_id, text) => {
    const checked = checkConnectableUrl(text, allowed);
    expect(checked).toMatchObject({ ok: false, message: expect.stringMatching(/^[A-Z].*\.$/) });
    if (!checked.ok && text.includes(':p@')) expect(checked.message).not.toContain('u:p');
  });
});

describe('public addresses', () => {
  it.each(['1.1.1.1', '140.82.121.3', '2606:4700::1111'])('%s is public', (address) =>
    expect(isPublicAddress(address)).toBe(true),
  );
  it.each(['127.0.0.1', '0.0.0.0', '255.255.255.255', '::', '::1', '::ffff:10.0.0.1', '2002:7f00:1::', 'x'])(
    '%s is not',
    (address) => expect(isPublicAddress(address)).toBe(false),
  );

  it('A22 looks at all addresses of a host', async () => {
    await expect(resolvePublicAddresses('host', async () => ['1.1.1.1', '10.0.0.1'])).rejects.toThrow(
      /not on the public internet/,
    );
    await expect(resolvePublicAddresses('host', async () => ['1.1.1.1', '1.0.0.1'])).resolves.toEqual([
      '1.1.1.1',
      '1.0.0.1',
    ]);
  });

  it('A23 resolves once, so that a second answer of the name server changes nothing', async () => {
    const answers = [['1.1.1.1'], ['127.0.0.1']];
    const pinned = await resolvePublicAddresses('rebind.example', async () => answers.shift() ?? []);
    expect(pinned).toEqual(['1.1.1.1']);
    expect(answers).toHaveLength(1);
  });

  it('names a host that does not exist', async () => {
    await expect(resolvePublicAddresses('nowhere', () => Promise.reject(new Error('ENOTFOUND')))).rejects.toThrow(
      /has no address/,
    );
  });
});
