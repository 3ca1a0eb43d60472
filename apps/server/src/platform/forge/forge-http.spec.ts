import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFakeForge, type FakeForge } from '@sluice/testing';
import { ForgeHttp } from './forge-http.ts';

let forge: FakeForge;
beforeAll(async () => {
  forge = await startFakeForge();
});
afterAll(() => forge.stop());

describe('where a forge may be', () => {
  it.each(['https://127.0.0.1/', 'https://[::1]/', 'https://169.254.169.254/', 'https://0x7f.1/', 'https://10.1.2.3/'])(
    'A22: %s is no public address',
    async (address) => {
      await expect(new ForgeHttp({ allowedOrigins: [] }).post(address, {}, {})).rejects.toThrow(/public internet/);
    },
  );

  it('A22: plain http only for an exact origin that the operator named', async () => {
    const port = new URL(forge.origin).port;
    for (const origin of [forge.origin.replace('127.0.0.1', 'localhost'), `http://127.0.0.1:${Number(port) + 1}`])
      await expect(
        new ForgeHttp({ allowedOrigins: [origin] }).post(`${forge.origin}/api/v3/x`, {}, {}),
      ).rejects.toThrow(/https/);
    const answer = await new ForgeHttp({ allowedOrigins: [forge.origin] }).post(`${forge.origin}/api/v3/x`, {}, {});
    expect(answer.status).toBe(401);
  });

  it('A23: a name is resolved once, and one private address among its addresses is enough to refuse it', async () => {
    const lookups: string[] = [];
    const lookup = (host: string) => Promise.resolve((lookups.push(host), ['1.1.1.1', '10.0.0.1']));
    const http = new ForgeHttp({ allowedOrigins: [], deadlineMs: 300, lookup });
    await expect(http.post('https://forge.example/', {}, {})).rejects.toThrow(/public internet/);
    expect(lookups).toEqual(['forge.example']);
  });
});
