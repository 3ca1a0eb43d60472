import { afterEach, describe, expect, it } from 'vitest';
import { clientAddress, limitKey } from './platform/http/client-address.ts';
import { testApp, type TestApp } from './testing/test-app.ts';

const PASSWORD = 'correct horse battery';
let server: TestApp;
afterEach(() => server?.close());

const guess = async (headers: Record<string, string>) =>
  server.call('POST', '/api/v1/session', { body: { email: 'ada@example.com', password: 'wrong' }, headers });

/** Addresses of the sign-ins, as they stand in the audit trail. */
async function recorded(): Promise<unknown[]> {
  const rows = await server.database.db
    .selectFrom('audit_entries')
    .select('detail')
    .where('action', '=', 'session.start')
    .orderBy('sequence')
    .execute();
  return rows.map(({ detail }) => detail['address']);
}

const signIn = async (headers: Record<string, string> = {}) =>
  server.call('POST', '/api/v1/session', { body: { email: 'ada@example.com', password: PASSWORD }, headers });

describe('A80 who calls', () => {
  it('is the other end of the connection when no proxy is trusted: a forged header opens no new tries', async () => {
    server = await testApp();
    await server.setUp();
    await signIn({ 'x-forwarded-for': '203.0.113.9' });
    expect(await recorded()).toEqual(['127.0.0.1']);
    for (let tries = 0; tries < 10; tries += 1)
      expect((await guess({ 'x-forwarded-for': `198.51.100.${tries}` })).status).toBe(401);
    expect((await guess({ 'x-forwarded-for': '198.51.100.200' })).status).toBe(429);
  });

  it('is the word of a trusted proxy, and of it alone: what the caller put before it counts for nothing', async () => {
    server = await testApp({ SLUICE_TRUSTED_PROXIES: '127.0.0.0/8, 10.0.0.7' });
    await server.setUp();
    await signIn({ 'x-forwarded-for': '203.0.113.9' });
    await signIn({ 'x-forwarded-for': '1.2.3.4, 203.0.113.10' });
    await signIn({ 'x-forwarded-for': '1.2.3.4, 203.0.113.11, 10.0.0.7' });
    await signIn({ 'x-forwarded-for': 'rubbish' });
    expect(await recorded()).toEqual(['203.0.113.9', '203.0.113.10', '203.0.113.11', '127.0.0.1']);
    for (let tries = 0; tries < 10; tries += 1)
      expect((await guess({ 'x-forwarded-for': `198.51.100.${tries}, 203.0.113.20` })).status).toBe(401);
    expect((await guess({ 'x-forwarded-for': '198.51.100.77, 203.0.113.20' })).status).toBe(429);
    expect((await guess({ 'x-forwarded-for': '203.0.113.21' })).status).toBe(401);
  });

  it('A73 a sign-in that came to the proxy by plain http is refused where the public address is https', async () => {
    server = await testApp({ SLUICE_TRUSTED_PROXIES: '127.0.0.1', PUBLIC_URL: 'https://sluice.example.com' });
    await server.setUp();
    const through = (proto: string) => signIn({ 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': proto });
    expect(await through('http')).toMatchObject({ status: 403, body: { error: { code: 'https-needed' } } });
    const good = await through('https');
    expect(good.status).toBe(200);
    expect(String(good.headers['set-cookie'])).toMatch(/^__Host-.*; Secure; HttpOnly/);
    expect(good.headers['strict-transport-security']).toContain('max-age');
  });

  it('no header changes where links lead', async () => {
    server = await testApp({ SLUICE_TRUSTED_PROXIES: '127.0.0.1' });
    const admin = await server.setUp();
    const spoofed = { 'x-forwarded-host': 'evil.example', 'x-forwarded-for': '203.0.113.9', host: 'evil.example' };
    const link = await server.call('POST', `/api/v1/users/${admin.userId}/reset-link`, { as: admin, headers: spoofed });
    expect(link.status).toBe(200);
    expect(link.text).not.toContain('evil.example');
  });
});

describe('addresses', () => {
  const from = (ip: string, remoteAddress = '10.1.1.1') => clientAddress({ ip, socket: { remoteAddress } as never });

  it('are IP addresses, whatever a header holds', () => {
    expect(from('::ffff:203.0.113.9')).toBe('203.0.113.9');
    expect(from('2001:db8::1')).toBe('2001:db8::1');
    expect(from('unknown')).toBe('10.1.1.1');
    expect(from('"><script>', '::ffff:10.1.1.1')).toBe('10.1.1.1');
  });

  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:DB8:0001:0002::', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['', ''],
  ])('A77 %s counts as %s', (address, key) => {
    expect(limitKey(address)).toBe(key);
  });
});
