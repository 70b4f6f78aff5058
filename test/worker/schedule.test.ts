import { Registry } from '@prometheus-io/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createWorkerMetrics } from '../../src/worker/metrics.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { startReceiver } from '../support/receiver.ts';
import { addLeads, createOrganization, registerEndpoint, startTestWorker, until } from './fixtures.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createDatabase();
});
afterAll(() => db.drop());

test('workers that start together do the duties of a start once, and leave the schedule behind', async () => {
  const workers = await Promise.all([startTestWorker(db), startTestWorker(db)]);
  const duties = await until(async () => {
    const { rows } = await db.admin.query<{ duty: string; jobs: number; minutes: number }>(
      `select data ->> 'duty' as duty, count(*)::integer as jobs, count(distinct singleton_on)::integer as minutes
         from pgboss.job
        where name = 'timed-duties' and state = 'completed' and singleton_on is not null -- not those that the clock made due meanwhile
        group by 1 order by 1`,
    );
    return rows.length === 2 ? rows : undefined;
  }, 'the duties');
  expect(duties.map((row) => row.duty)).toEqual(['partitions', 'seal']);
  for (const { jobs, minutes } of duties) expect(jobs).toBe(minutes);
  const { rows } = await db.admin.query(
    "select key, cron from pgboss.schedule where name = 'timed-duties' order by key",
  );
  expect(rows).toEqual([
    { key: 'imports', cron: '*/5 * * * *' },
    { key: 'partitions', cron: '23 3 * * *' },
    { key: 'retention', cron: '*/10 * * * *' },
    { key: 'seal', cron: '2 * * * *' },
  ]);
  await Promise.all(workers.map((worker) => worker.stop()));
});

test('metrics count attempts by outcome', async () => {
  const registry = new Registry();
  const receiver = await startReceiver((_request, number) => ({ status: number === 1 ? 500 : 200 }));
  const organization = await createOrganization(db);
  await registerEndpoint(db, organization, receiver.url);
  const worker = await startTestWorker(db, { metrics: createWorkerMetrics(registry) });
  await addLeads(db, organization);
  const attempts = registry.getSingleMetric('trunkline_webhook_attempts_total');
  await until(async () => ((await attempts?.get())?.values.length ?? 0) >= 2, 'both attempts being counted');
  expect((await attempts?.get())?.values).toMatchObject([
    { labels: { outcome: 'failed' }, value: 1 },
    { labels: { outcome: 'delivered' }, value: 1 },
  ]);
  await worker.stop();
  await receiver.close();
});
