import { randomUUID } from 'node:crypto';
import type { ShellOrder } from '@sluice/protocol';
import { eventually } from '@sluice/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AttemptRecord } from '../testing/fake-server.ts';
import type { RunnerBench } from '../testing/runner-bench.ts';
import { runnerBench } from '../testing/runner-bench.ts';

describe('KeptJobs', () => {
  let bench: RunnerBench;
  beforeEach(async () => {
    bench = await runnerBench();
  });
  afterEach(() => bench.stop());

  const failing = (runs = ['exit 3'], change = {}) => bench.steps(runs, {}, { keep: { minutes: 5 }, ...change });
  const asked = (record: AttemptRecord) =>
    eventually(() => record.keeping.asked > 0, { describe: 'the question whether to keep', timeoutMs: 15_000 });
  const ended = (record: AttemptRecord) =>
    eventually(() => record.keeping.ended[0], { describe: 'the end of the keeping', timeoutMs: 15_000 });
  const removed = (record: AttemptRecord) =>
    eventually(() => !bench.executor.present.has(record.grant.attemptId), {
      describe: 'the container to be removed',
      timeoutMs: 15_000,
    });
  const order = (record: AttemptRecord, shellId: string, what: ShellOrder['order']) =>
    record.keeping.orders.push({ sequence: record.keeping.orders.length + 1, shellId, order: what });
  const shows = (record: AttemptRecord, shellId: string, text: string) =>
    eventually(() => record.keeping.said.get(shellId)?.bytes.includes(text), {
      describe: `the shell to show ${text}`,
      timeoutMs: 15_000,
    });

  it('I31: keeps the container of a failed job after its result, holds no slot, and removes it when it is over', async () => {
    const record = bench.server.give(failing());
    await bench.start();
    await asked(record);
    expect(record.results).toMatchObject([{ outcome: 'failed', exitCode: 3 }]);
    expect(record.log.toString()).toContain('The container is kept for at most 5 minutes');
    // The runner has one slot.
    const next = bench.server.give(bench.steps(['print next']));
    await eventually(() => next.results[0], { describe: 'the next job', timeoutMs: 15_000 });
    expect(bench.executor.present.has(record.grant.attemptId)).toBe(true);
    record.keeping.over = true;
    await removed(record);
    expect(await ended(record)).toBe('asked');
  });

  it('carries each order out once, in order, however often it is handed out, and tells what the shell says, masked', async () => {
    const secrets = [{ name: 'KEY', value: 'correct-horse' }];
    const record = bench.server.give(failing(['exit 3'], { secrets }));
    await bench.start();
    await asked(record);
    const shellId = randomUUID();
    // Answers that get lost are asked for again.
    bench.server.fault = (operation, times) =>
      operation.startsWith('keep/') && times % 2 === 0 ? 'lose-answer' : undefined;
    order(record, shellId, { kind: 'open', columns: 80, rows: 24 });
    order(record, shellId, { kind: 'write', text: 'one ' });
    order(record, shellId, { kind: 'resize', columns: 100, rows: 30 });
    order(record, shellId, { kind: 'write', text: 'two correct-horse three' });
    await shows(record, shellId, 'three');
    expect(record.keeping.said.get(shellId)?.bytes.toString()).toBe('80x24$ one 100x30$ two ••• three');
    order(record, shellId, { kind: 'write', text: 'exit' });
    await eventually(() => record.keeping.said.get(shellId)?.closed, { describe: 'its end', timeoutMs: 15_000 });
    expect(bench.executor.present.has(record.grant.attemptId)).toBe(true);
  });

  it('waits with output that nobody reads, and loses none of it', async () => {
    const record = bench.server.give(failing());
    record.keeping.isRead = false;
    await bench.start();
    await asked(record);
    const shellId = randomUUID();
    order(record, shellId, { kind: 'open', columns: 80, rows: 24 });
    const text = 'x'.repeat(100_000);
    order(record, shellId, { kind: 'write', text });
    order(record, shellId, { kind: 'write', text: 'end' });
    await eventually(() => record.keeping.orders.length === 3 && bench.executor.present.size === 1, {
      timeoutMs: 5_000,
    });
    expect(record.keeping.said.size).toBe(0);
    record.keeping.isRead = true;
    await shows(record, shellId, 'end');
    expect(record.keeping.said.get(shellId)?.bytes.toString()).toBe(`80x24$ ${text}end`);
  });

  it.each([
    ['a job that passed', () => bench.steps(['print fine'], {}, { keep: { minutes: 5 } })],
    ['a job of which nobody asked it', () => bench.steps(['exit 3'])],
    [
      'A45 I24: an untrusted run, whatever the grant says',
      () => {
        const grant = failing();
        return { ...grant, run: { ...grant.run, trust: 'untrusted' as const } };
      },
    ],
  ])('keeps nothing of %s', async (_, grant) => {
    const record = bench.server.give(grant());
    const runner = await bench.start();
    await eventually(() => record.results[0], { describe: 'the result', timeoutMs: 15_000 });
    await removed(record);
    runner.drain();
    await runner.finished;
    expect(record.keeping.asked).toBe(0);
  });

  it('removes it when the server does not want it kept, and where the result was not taken', async () => {
    const refused = failing();
    bench.server.fault = (operation, times) => (operation === 'result' && times === 2 ? { status: 422 } : undefined);
    const [unwanted, untaken] = [bench.server.give(failing()), bench.server.give(refused)];
    unwanted.keeping.seconds = 0;
    await bench.start();
    await asked(unwanted);
    await removed(unwanted);
    await eventually(() => bench.executor.present.size === 0 && untaken.log.length > 0, { timeoutMs: 15_000 });
    expect(untaken.keeping.asked).toBe(0);
    expect(unwanted.keeping.ended).toEqual([]);
  });

  it('F20 keeps it also where a renewal is refused while the answer to the result is on its way', async () => {
    const record = bench.server.give(failing(['exit 3'], { renewSeconds: 0.05 }));
    const refused = () => eventually(() => record.lateRenewals > 0, { describe: 'a late renewal', timeoutMs: 15_000 });
    bench.server.fault = (operation) => (operation === 'result' ? { answerAfter: refused } : undefined);
    await bench.start();
    await asked(record);
    expect(record.results).toHaveLength(1);
    expect(bench.executor.present.has(record.grant.attemptId)).toBe(true);
  });

  it('keeps no more at once than it is set to, and says so in the log', async () => {
    const first = bench.server.give(failing());
    const second = bench.server.give(failing());
    await bench.start({}, { keptJobs: 1 });
    await asked(first);
    await eventually(() => second.results[0], { describe: 'the second result', timeoutMs: 15_000 });
    expect(second.log.toString()).toContain('The container is not kept: this runner keeps 1 already');
    await removed(second);
  });

  it('I31: a drain ends the keeping, tells the server and leaves nothing behind', async () => {
    const record = bench.server.give(failing());
    const runner = await bench.start();
    await asked(record);
    order(record, randomUUID(), { kind: 'open', columns: 80, rows: 24 });
    runner.drain();
    await runner.finished;
    expect(record.keeping.ended).toEqual(['runner-stopped']);
    expect(bench.executor.present.size).toBe(0);
  });

  it('ends with its time when the server is never heard again', async () => {
    const record = bench.server.give(failing());
    record.keeping.seconds = 1;
    bench.server.fault = (operation) => (operation === 'keep/orders' ? 'refuse' : undefined);
    await bench.start();
    await asked(record);
    await removed(record);
    expect(await ended(record)).toBe('time');
  });

  it('says its last word when the server is back, and a drain does not wait for that for long', async () => {
    const [heard, unheard] = [bench.server.give(failing()), bench.server.give(failing())];
    let tries = 0;
    let isBack = false;
    bench.server.fault = (operation) => {
      if (operation !== 'keep/ended' || isBack) return undefined;
      tries++;
      return 'refuse';
    };
    const runner = await bench.start({}, { slots: 2 });
    await Promise.all([asked(heard), asked(unheard)]);
    heard.keeping.over = true;
    await removed(heard);
    await eventually(() => tries >= 3, { describe: 'tries to say it', timeoutMs: 15_000 });
    isBack = true;
    expect(await ended(heard)).toBe('asked');
    isBack = false;
    unheard.keeping.over = true;
    await removed(unheard);
    runner.drain();
    await runner.finished;
    expect(unheard.keeping.ended).toEqual([]);
  }, 30_000);
});
