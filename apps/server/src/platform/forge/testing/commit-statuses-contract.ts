import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NO_COMMIT, startFakeForge, type FakeForge } from '@sluice/testing';
import type { CommitStatuses, ReportedState, StatusPlace, StatusReport } from '../commit-statuses.port.ts';
import { ForgeHttp } from '../forge-http.ts';

const COMMIT = 'a1'.repeat(20);
const report = (state: ReportedState, more: Partial<StatusReport> = {}): StatusReport => ({
  context: 'sluice/catalog',
  commit: COMMIT,
  ref: 'main',
  state,
  description: `Run #1 is ${state}`,
  url: 'https://sluice.example.com/services/catalog/runs/1',
  ...more,
});

/** What every adapter must do, against its forge's documented contract. `words`: the forge's for each of our states. */
export function commitStatusesContract(
  make: (http: ForgeHttp) => CommitStatuses,
  words: Readonly<Record<ReportedState, string>>,
): void {
  let forge: FakeForge;
  let statuses: CommitStatuses;
  let place: StatusPlace;
  beforeEach(async () => {
    forge = await startFakeForge();
    statuses = make(new ForgeHttp({ allowedOrigins: [forge.origin], deadlineMs: 500 }));
    place = { apiUrl: forge.apiUrl(statuses.forge), repository: 'shop/catalog', username: '', token: forge.token };
  });
  afterEach(() => forge.stop());

  describe('commit statuses', () => {
    it('go from queued to the end in the words of the forge', async () => {
      for (const state of ['queued', 'running', 'passed'] as const)
        expect(await statuses.send(place, report(state))).toEqual({ kind: 'sent' });
      expect(forge.history.map(({ state }) => state)).toEqual([words.queued, words.running, words.passed]);
      expect(forge.history.at(-1)).toEqual({
        forge: statuses.forge,
        repository: 'shop/catalog',
        commit: COMMIT,
        context: 'sluice/catalog',
        state: words.passed,
        description: 'Run #1 is passed',
        url: 'https://sluice.example.com/services/catalog/runs/1',
      });
    });

    it.each(['failed', 'errored', 'cancelled'] as const)('end as %s, and a further run begins anew', async (state) => {
      for (const next of ['running', state, 'queued', 'running', 'passed'] as const)
        expect(await statuses.send(place, report(next))).toEqual({ kind: 'sent' });
      expect(forge.history.map((shown) => shown.state)).toEqual([
        words.running,
        words[state],
        words.queued,
        words.running,
        words.passed,
      ]);
    });

    it('may be sent twice, and a second run may begin while the first is under way', async () => {
      for (const state of ['queued', 'queued', 'running', 'running', 'queued', 'passed', 'passed'] as const)
        expect(await statuses.send(place, report(state))).toEqual({ kind: 'sent' });
      expect(forge.shown(COMMIT, 'sluice/catalog')?.state).toBe(words.passed);
    });

    it('are cut to what the forge takes, and long names stay apart', async () => {
      const services = ['a'.repeat(60), `${'a'.repeat(60)}b`];
      for (const service of services) {
        const long = { context: `sluice/${service}`, description: '\u{1F6A2} ship '.repeat(100), ref: 'x/'.repeat(60) };
        expect(await statuses.send(place, report('failed', long))).toEqual({ kind: 'sent' });
      }
      for (const service of services) expect(forge.shown(COMMIT, `sluice/${service}`)?.description).toMatch(/…$/);
    });

    it('say what to do when the token is wrong or the commit unknown', async () => {
      const wrong = await statuses.send({ ...place, token: 'other-token' }, report('queued'));
      expect(wrong).toMatchObject({ kind: 'refused', why: expect.stringMatching(/answered 401.*token that is valid/) });
      expect(JSON.stringify(wrong)).not.toContain('other-token');
      expect(await statuses.send(place, report('queued', { commit: NO_COMMIT }))).toMatchObject({ kind: 'refused' });
      expect(forge.history).toEqual([]);
    });

    it('F66: a forge that is down, busy or silent is trouble, with the pause it asks for', async () => {
      forge.fault({ status: 429, body: { message: 'slow down' }, headers: { 'retry-after': '30' } });
      expect(await statuses.send(place, report('queued'))).toEqual({
        kind: 'trouble',
        why: 'The forge answered 429: slow down.',
        retryAfterSeconds: 30,
      });
      const inFiveMinutes = String(Math.floor(Date.now() / 1000) + 300);
      forge.fault({
        status: 403,
        body: { message: 'API rate limit exceeded' },
        headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': inFiveMinutes },
      });
      const limited = await statuses.send(place, report('queued'));
      expect(limited).toMatchObject({ kind: 'trouble' });
      expect((limited as { retryAfterSeconds: number }).retryAfterSeconds).toBeGreaterThan(200);
      for (const fault of [{ status: 503, body: 'no JSON' }, 'reset', 'hang'] as const) {
        forge.fault(fault);
        expect(await statuses.send(place, report('queued')), JSON.stringify(fault)).toMatchObject({ kind: 'trouble' });
      }
      forge.fault(undefined);
      expect(await statuses.send(place, report('queued'))).toEqual({ kind: 'sent' });
    });

    it('A24: a redirect is refused, not followed', async () => {
      const elsewhere = await startFakeForge();
      forge.fault({ status: 307, body: {}, headers: { location: elsewhere.apiUrl(statuses.forge) } });
      expect(await statuses.send(place, report('queued'))).toMatchObject({
        kind: 'refused',
        why: expect.stringContaining('redirect'),
      });
      expect(elsewhere.requests).toBe(0);
      await elsewhere.stop();
    });
  });
}
