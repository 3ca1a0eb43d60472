import { describe, expect, it } from 'vitest';
import { checkRepositoryUrl, fullRefName, plainHttpOrigins } from './check-repository-url.ts';

const allowed = ['http://127.0.0.1:4010'];

describe('checkRepositoryUrl', () => {
  it.each([
    ['https://github.com/team/app.git', 'https'],
    ['https://gitlab.com/group/-/app.git', 'https'],
    ['ssh://git@github.com/team/app.git', 'ssh'],
    ['ssh://git@github.com:2222/team/app.git', 'ssh'],
    ['http://127.0.0.1:4010/catalog.git', 'http'],
    ['https://[2606:4700::1111]/app.git', 'https'],
  ])('takes %s as %s', (address, transport) => {
    expect(checkRepositoryUrl(address, allowed)).toMatchObject({ ok: true, transport });
  });

  it.each([
    ['A19', '--upload-pack=touch /tmp/x'],
    ['A19', '--upload-pack=touch${IFS}/tmp/x'],
    ['A19', '-oProxyCommand=x'],
    ['A19', 'ssh://-oProxyCommand=x/app.git'],
    ['A19', 'ssh://git@-oProxyCommand=x/app.git'],
    ['A19', 'ssh://-oProxyCommand=x@host/app.git'],
    ['A19', 'ssh://git@host/-app.git'],
    ['A20', 'ext::sh -c whoami'],
    ['A20', 'ext::sh'],
    ['A20', 'EXT::sh'],
    ['A20', 'eXt::https://host/app'],
    ['A20', 'fd::17'],
    ['A20', 'transport-helper::https://host/app'],
    ['A20', 'git://host/app.git'],
    ['A20', 'ftp://host/app.git'],
    ['A20', 'javascript:alert(1)'],
    ['A21', 'file:///etc'],
    ['A21', 'FILE:///etc'],
    ['A21', '/srv/other.git'],
    ['A21', '../other.git'],
    ['A21', 'other.git'],
    ['A21', '\\\\server\\share'],
    ['A21', 'C:\\repos\\app'],
    ['A22', 'http://127.0.0.1:6379/x'],
    ['A22', 'http://127.0.0.1:4011/catalog.git'],
    ['A22', 'http://localhost:4010/catalog.git'],
    ['A22', 'http://[::1]/x'],
    ['A22', 'http://0x7f.1/x'],
    ['A22', 'http://169.254.169.254/latest'],
    ['A22', 'http://①②⑦.0.0.1/x'],
    ['A25', 'https://u:p4ss@host/app.git'],
    ['A25', 'https://token@host/app.git'],
    ['A25', 'ssh://git:p4ss@host/app.git'],
    ['A25', 'http://u:p4ss@127.0.0.1:4010/catalog.git'],
    ['A26', 'https://host/app.git\n'],
    ['A26', 'https://host/app\r\nhost=evil'],
    ['A26', 'https://host/app\u0000'],
    ['A26', 'https://host/app%0agit'],
    ['A26', 'https://host/app%0D%0Ahost=evil'],
    ['A26', 'https://host/app%00'],
    ['A26', 'https://ho\u2028st/app'],
    ['A26', 'https://host/app%5cgit'],
    ['', 'https://host/'],
    ['', 'https:///app'],
    ['', 'ssh://git@host'],
    ['', `https://host/${'a'.repeat(2000)}`],
    ['', 'https://host/app?x=1'],
    ['', 'https://host/app#x'],
    ['', ''],
  ])('%s refuses %j with a sentence that does not repeat it', (_id, address) => {
    const checked = checkRepositoryUrl(address, allowed);
    expect(checked).toMatchObject({ ok: false, problem: expect.stringMatching(/^[A-Z].*\.$/) });
    expect(!checked.ok && checked.problem).not.toContain('p4ss');
  });
});

describe('plainHttpOrigins', () => {
  it('reads exact origins', () => {
    expect(plainHttpOrigins(' http://127.0.0.1:4010, http://git.lan/ ,')).toEqual({
      origins: ['http://127.0.0.1:4010', 'http://git.lan'],
    });
    expect(plainHttpOrigins('')).toEqual({ origins: [] });
  });

  it.each(['127.0.0.1:4010', 'https://host', 'http://host/path', 'http://u:p@host', '*'])('refuses %s', (text) => {
    expect(plainHttpOrigins(text)).toMatchObject({ origins: [], problem: expect.any(String) });
  });
});

describe('fullRefName', () => {
  it.each([
    ['main', 'refs/heads/main'],
    ['feature/x', 'refs/heads/feature/x'],
    ['refs/heads/main', 'refs/heads/main'],
    ['refs/tags/v1', 'refs/tags/v1'],
    // Characters of a shell are data: no ref ever comes near one.
    ['$(id)', 'refs/heads/$(id)'],
    ['`id`', 'refs/heads/`id`'],
    [';rm', 'refs/heads/;rm'],
    ['\u202egnp', 'refs/heads/\u202egnp'],
  ])('A27 names %j %s', (ref, full) => expect(fullRefName(ref)).toBe(full));

  it.each([
    '',
    '-h',
    '--output=x',
    'refs/heads/-h',
    'a b',
    'refs/heads/../x',
    'a..b',
    'a//b',
    '/a',
    'a/',
    'a.lock',
    'a/.b',
    'a.',
    'a@{1}',
    'main~1',
    'main^',
    'a:b',
    'a?b',
    'a*',
    'a[b',
    'a\\b',
    'a\nb',
    'a\u0000b',
    'a\u007fb',
    'a\ud800b',
    'refs/heads',
  ])('A26, A27 refuses %j', (ref) => expect(fullRefName(ref)).toBeUndefined());

  it('A27 refuses a name of 4 KB', () => expect(fullRefName('a'.repeat(4096))).toBeUndefined());
});
