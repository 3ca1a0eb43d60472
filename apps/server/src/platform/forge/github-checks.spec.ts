import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NO_COMMIT, startFakeForge, type FakeForge } from '@sluice/testing';
import { Clock } from '../clock/clock.port.ts';
import type { AppPlace, CheckReport } from './checks.port.ts';
import { ForgeHttp } from './forge-http.ts';
import { GithubApp } from './github-app.ts';
import { GithubChecks } from './github-checks.ts';

const COMMIT = 'c3'.repeat(20);
const REPORT: CheckReport = {
  name: 'sluice/catalog',
  commit: COMMIT,
  externalId: 'run-1',
  status: 'queued',
  title: 'Run #1 is queued',
  summary: 'Nothing yet.',
  url: 'https://sluice.example.com/services/catalog/runs/1',
};
const ENDED = {
  ...REPORT,
  status: 'completed',
  conclusion: 'success',
  completedAt: '2026-01-01T00:00:00.000Z',
} as const;

class SetClock extends Clock {
  at = Date.parse('2026-01-01T00:00:00.000Z');
  override now(): Date {
    return new Date(this.at);
  }
}

let forge: FakeForge;
let clock: SetClock;
let checks: GithubChecks;
let place: AppPlace;
beforeEach(async () => {
  forge = await startFakeForge();
  clock = new SetClock();
  forge.app.now = () => clock.at;
  checks = new GithubChecks(new GithubApp(new ForgeHttp({ allowedOrigins: [forge.origin], deadlineMs: 500 }), clock));
  place = {
    apiUrl: forge.apiUrl('github'),
    repository: 'shop/catalog',
    appId: forge.app.id,
    installationId: null,
    privateKey: forge.app.privateKey,
  };
});
afterEach(() => forge.stop());

const made = async (report: CheckReport = REPORT) => {
  const asked = await checks.create(place, report);
  if (asked.kind !== 'ok') throw new Error(asked.why);
  return asked.value;
};

describe('signing in as an App', () => {
  it('asks for the installation and a token for the checks of this repository alone, once for all who wait', async () => {
    const reports = ['a', 'b', 'c', 'd'].map((externalId) => ({ ...REPORT, externalId }));
    for (const asked of await Promise.all(reports.map((one) => checks.create(place, one))))
      expect(asked).toMatchObject({ kind: 'ok' });
    expect(forge.app.tokensGiven).toBe(1);
    expect(forge.requests).toBe(2 + reports.length);
    expect(forge.refusals).toEqual([]);
  });

  it('takes the client id and a named installation as well, and asks then for neither', async () => {
    place = { ...place, appId: forge.app.clientId, installationId: forge.app.installationId };
    const id = await made();
    expect(forge.requests).toBe(2);
    expect(await checks.find(place, REPORT)).toEqual({
      kind: 'ok',
      value: [{ id, externalId: 'run-1', isOpen: true }],
    });
  });

  it.each(['F25: ahead', 'F26: behind'])('a clock that is %s of GitHub’s by a little does no harm', async (which) => {
    forge.app.now = () => clock.at + (which.startsWith('F25') ? -50_000 : 50_000);
    expect(await made()).toBe(1_001);
  });

  it('renews a token before it ends', async () => {
    const id = await made();
    clock.at += 50 * 60_000;
    await checks.update(place, id, REPORT);
    expect(forge.app.tokensGiven).toBe(1);
    clock.at += 6 * 60_000;
    await Promise.all([checks.update(place, id, REPORT), checks.find(place, REPORT)]);
    expect(forge.app.tokensGiven).toBe(2);
    expect(forge.refusals).toEqual([]);
  });

  it('fetches a token anew when GitHub takes the old one no longer, and once only', async () => {
    const id = await made();
    forge.app.revokeTokens();
    expect(await checks.update(place, id, ENDED)).toEqual({ kind: 'ok', value: 'updated' });
    expect(forge.app.tokensGiven).toBe(2);
    const before = forge.requests;
    forge.fault({ status: 401, body: { message: 'Bad credentials' } });
    expect(await checks.update(place, id, ENDED)).toMatchObject({ kind: 'refused' });
    expect(forge.requests - before).toBeLessThanOrEqual(2);
    forge.fault(undefined);
    expect(await checks.update(place, id, ENDED)).toEqual({ kind: 'ok', value: 'updated' });
  });

  it('one App’s token is not had by naming it with another key', async () => {
    await made();
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2_048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const asked = await checks.find({ ...place, privateKey }, REPORT);
    expect(asked).toMatchObject({ kind: 'refused', why: expect.stringMatching(/answered 401.*private key/) });
    expect(JSON.stringify(asked)).not.toContain('BEGIN');
  });

  it('says what to do where the App lacks the permission, its installation or a key', async () => {
    forge.app.granted = { metadata: 'read' };
    expect(await checks.find(place, REPORT)).toMatchObject({
      kind: 'refused',
      why: expect.stringMatching(/answered 422.*Checks: read and write/),
    });
    expect(await checks.find({ ...place, installationId: 5 }, REPORT)).toMatchObject({
      kind: 'refused',
      why: expect.stringMatching(/answered 404.*installed there/),
    });
    expect(await checks.find({ ...place, privateKey: 'x' }, REPORT)).toMatchObject({
      kind: 'refused',
      why: 'The private key of the App cannot be used; set it anew.',
    });
  });
});

describe('checks of GitHub', () => {
  it('are made and taken to their end, with what a person reads', async () => {
    const id = await made();
    const startedAt = '2026-01-01T00:00:00.000Z';
    for (const next of [
      { ...REPORT, status: 'in_progress', startedAt },
      { ...ENDED, startedAt },
    ] as const)
      expect(await checks.update(place, id, next)).toEqual({ kind: 'ok', value: 'updated' });
    expect(forge.app.history.map(({ status, conclusion }) => [status, conclusion])).toEqual([
      ['queued', null],
      ['in_progress', null],
      ['completed', 'success'],
    ]);
    expect(forge.app.checks(COMMIT)).toMatchObject([
      { repository: 'shop/catalog', externalId: 'run-1', url: REPORT.url, startedAt, summary: 'Nothing yet.' },
    ]);
  });

  it('are found on all pages, and never those of another App', async () => {
    for (let number = 1; number <= 53; number += 1) await made({ ...REPORT, externalId: `run-${number}` });
    const [one] = forge.app.checks(COMMIT);
    forge.app.put({ ...one!, id: 7, appId: '42', externalId: 'run-1' });
    await made({ ...REPORT, name: 'sluice/other' });
    for (const appId of [forge.app.id, forge.app.clientId]) {
      const found = await checks.find({ ...place, appId }, REPORT);
      expect(found).toMatchObject({ kind: 'ok' });
      const ids = (found as { value: { externalId: string }[] }).value.map(({ externalId }) => externalId);
      expect(ids).toHaveLength(53);
      expect(new Set(ids).size).toBe(53);
    }
  });

  it('are found by the client id as well where a server does not name it', async () => {
    forge.app.namesClientIds = false;
    const id = await made();
    expect(await checks.find({ ...place, appId: forge.app.clientId }, REPORT)).toMatchObject({ value: [{ id }] });
  });

  it('that are not there any more are told apart from a repository that is not', async () => {
    expect(await checks.update(place, 4, REPORT)).toEqual({ kind: 'ok', value: 'gone' });
    expect(await checks.create(place, { ...REPORT, commit: NO_COMMIT })).toMatchObject({
      kind: 'refused',
      why: expect.stringMatching(/No commit found/),
    });
  });

  it('are cut to what GitHub takes', async () => {
    const id = await made({ ...REPORT, title: 'x'.repeat(400), summary: '\u{1F6A2}'.repeat(70_000) });
    expect(forge.app.checks(COMMIT).find((one) => one.id === id)?.summary).toMatch(/…$/);
  });

  it('F66: limits are waited for as long as GitHub asks, and a minute where it names no time', async () => {
    const id = await made();
    const reset = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(clock.at / 1_000 + 600) };
    const waits = async (status: number, message: string, headers: Record<string, string>) => {
      forge.fault({ status, body: { message }, headers });
      const asked = await checks.update(place, id, ENDED);
      clock.at += 300_000;
      return asked;
    };
    expect(await waits(429, 'slow', { 'retry-after': '30' })).toMatchObject({ kind: 'trouble', retryAfterSeconds: 30 });
    expect(await waits(403, 'API rate limit exceeded', reset)).toMatchObject({
      kind: 'trouble',
      retryAfterSeconds: 300,
    });
    expect(await waits(403, 'You have exceeded a secondary rate limit.', {})).toMatchObject({
      kind: 'trouble',
      retryAfterSeconds: 60,
    });
    expect(await waits(403, 'Resource not accessible by integration', {})).toMatchObject({ kind: 'refused' });
    for (const fault of [{ status: 503, body: 'no JSON' }, 'reset', 'hang'] as const) {
      forge.fault(fault);
      expect(await checks.update(place, id, ENDED), JSON.stringify(fault)).toMatchObject({ kind: 'trouble' });
    }
    forge.fault({ status: 200, body: 'something else' });
    expect(await checks.find(place, REPORT)).toMatchObject({ kind: 'trouble' });
  });

  it('F66: while GitHub asks for a pause it is asked nothing more, of no repository of the account', async () => {
    const id = await made();
    forge.fault({ status: 429, body: { message: 'slow' }, headers: { 'retry-after': '30' } });
    await checks.update(place, id, ENDED);
    forge.fault(undefined);
    const before = forge.requests;
    clock.at += 10_000;
    const other = { ...place, repository: 'shop/other' };
    for (const where of [place, other])
      expect(await checks.find(where, REPORT)).toEqual({
        kind: 'trouble',
        why: 'The forge answered 429: slow.',
        retryAfterSeconds: 20,
      });
    expect(forge.requests).toBe(before);
    expect(await checks.find({ ...place, repository: 'else/where' }, REPORT)).toMatchObject({ kind: 'ok' });
    clock.at += 20_000;
    expect(await checks.find(other, REPORT)).toMatchObject({ kind: 'ok' });
  });

  it('F66: all who wait for a token hear of it when there is none to be had, with one request', async () => {
    forge.fault({ status: 503, body: {} });
    const asked = await Promise.all([1, 2, 3].map(() => checks.find(place, REPORT)));
    expect(asked.map(({ kind }) => kind)).toEqual(['trouble', 'trouble', 'trouble']);
    expect(forge.requests).toBe(1);
    forge.fault(undefined);
    await made();
  });

  it('A24: a redirect is refused, not followed', async () => {
    const elsewhere = await startFakeForge();
    forge.fault({ status: 307, body: {}, headers: { location: elsewhere.apiUrl('github') } });
    expect(await checks.create(place, REPORT)).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('redirect'),
    });
    expect(elsewhere.requests).toBe(0);
    await elsewhere.stop();
  });
});
