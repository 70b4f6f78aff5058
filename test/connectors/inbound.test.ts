import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { saveConnection } from '../../src/domain/connections.ts';
import { createOrganization } from '../support/gateway.ts';
import { startTestWorker, until } from '../worker/fixtures.ts';
import { leadsOf, receiptsOf } from './fixtures.ts';
import {
  db,
  deliver,
  deliverTo,
  graph,
  operator,
  organization,
  secrets,
  settled,
  worker,
  workers,
} from './meta-setup.ts';
import { graphApi, metaPayload } from './vendors/meta-lead-ads.ts';

describe('workers', () => {
  async function workerProcess(): Promise<ChildProcess> {
    const child = fork(join(import.meta.dirname, '../worker/worker-process.ts'), [db.loginUrl('worker')], {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    await once(child, 'message');
    return child;
  }

  test('one that is killed in the middle loses nothing: another makes exactly one lead', async () => {
    graph.answer({ hang: true });
    const child = await workerProcess();
    await deliver(metaPayload('920'));
    await until(() => graph.requests.length > 0, 'the call');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await leadsOf(db, organization)).toEqual([]);

    graph.answer(graphApi);
    // as if its lease were over
    await db.admin.query('update app.hook_receipts set next_attempt_at = now() where organization_id = $1', [
      organization,
    ]);
    await worker();
    await settled('done');
    expect(await leadsOf(db, organization)).toHaveLength(1);
    expect(await receiptsOf(db, organization)).toMatchObject([{ attempts: 2, state: 'done' }]);
  });

  test('one that took too long has lost its claim, and changes nothing', async () => {
    const answers = Promise.withResolvers<void>();
    graph.answer(async (request, number) => {
      if (number > 1) return graphApi(request);
      await answers.promise;
      return { status: 500 };
    });
    await worker();
    await deliver(metaPayload('921'));
    await until(() => graph.requests.length === 1, 'the first call');
    await db.admin.query('update app.hook_receipts set next_attempt_at = now() where organization_id = $1', [
      organization,
    ]);
    await settled('done');
    answers.resolve();
    for (const one of workers.splice(0)) await one.stop();
    expect(await receiptsOf(db, organization)).toMatchObject([
      { attempts: 2, state: 'done', lead_ids: [expect.any(String)] },
    ]);
    expect(await leadsOf(db, organization)).toHaveLength(1);
  });

  test('share what comes in: each delivery is processed by one of them', async () => {
    for (const _ of [1, 2, 3]) await worker();
    const ids = Array.from({ length: 40 }, (_, index) => String(95_000 + index));
    await Promise.all(ids.map((id) => deliver(metaPayload(id))));
    await settled('done', 40);
    expect(graph.requests).toHaveLength(40);
    expect((await leadsOf(db, organization)).map((lead) => lead.external_id).toSorted()).toEqual(ids);
    expect((await receiptsOf(db, organization)).map((receipt) => receipt.attempts)).toEqual(ids.map(() => 1));
  });

  test('one that is stopped in the middle waits as long as a call may take; what it gives up has not failed', async () => {
    // each of the 40 calls in far less than its time, and all of them in far more than a worker waits that stops
    graph.answer(async (request) => ({ ...graphApi(request), delayMs: 500 }));
    const stopping = await startTestWorker(db, { inbound: { pollMs: 20 }, timeoutMs: 4000 });
    await deliver(metaPayload(...Array.from({ length: 40 }, (_, index) => String(94_000 + index))));
    await until(() => graph.requests.length > 0, 'the call');
    await stopping.stop();
    expect(await receiptsOf(db, organization)).toMatchObject([{ state: 'pending', attempts: 1, error: null }]);
    expect(await leadsOf(db, organization)).toEqual([]);

    graph.answer(graphApi);
    await db.admin.query('update app.hook_receipts set next_attempt_at = now() where organization_id = $1', [
      organization,
    ]);
    await worker();
    await settled('done');
    expect(await leadsOf(db, organization)).toHaveLength(40);
  });

  test('a receipt that ends every worker is given up', async () => {
    await deliver(metaPayload('922'));
    await db.admin.query('update app.hook_receipts set attempts = 9, claim = uuidv7() where organization_id = $1', [
      organization,
    ]);
    await worker();
    await settled('dead');
    expect(await receiptsOf(db, organization)).toMatchObject([{ error: 'Processing it ended in the middle 9 times.' }]);
  });

  test('while a connection is disabled nothing comes in, and what waits is kept', async () => {
    await deliver(metaPayload('923'));
    const input = { vendor: 'meta-lead-ads', settings: { api_url: graph.url } };
    await operator.run(organization, saveConnection, { ...input, enabled: false });
    expect(await deliver(metaPayload('924'))).toBe(404);
    await worker();
    const other = await createOrganization(db, 'Another');
    deliverTo(await operator.connect(other, 'meta-lead-ads', { settings: { api_url: graph.url }, secrets }));
    await deliver(metaPayload('925'));
    await until(async () => (await leadsOf(db, other)).length === 1, 'the lead of another');
    expect(await receiptsOf(db, organization)).toMatchObject([{ state: 'pending', attempts: 0 }]);
    await operator.run(organization, saveConnection, { ...input, enabled: true });
    await settled('done');
  });
});
