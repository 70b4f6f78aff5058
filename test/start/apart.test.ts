import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, TEST_ENCRYPTION_KEY, type TestDatabase } from '../support/database.ts';
import { cleanUp, type Environment, launch, run } from './process.ts';

let db: TestDatabase;
let environment: Environment;

beforeAll(async () => {
  db = await createDatabase();
  environment = { ENCRYPTION_KEY: TEST_ENCRYPTION_KEY };
});
afterAll(async () => {
  await cleanUp();
  await db.drop();
});

describe('processes apart', () => {
  test.each(['an administrator', 'the role itself'])('a worker with the login of %s serves probes', async (whose) => {
    const DATABASE_URL = whose === 'an administrator' ? db.url : db.loginUrl('worker');
    const worker = launch(['worker'], { ...environment, DATABASE_URL });
    const url = await worker.ready;
    expect(await (await fetch(`${url}/livez`)).text()).toBe('ok\n');
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: 'ok', checks: { database: 'ok' } });
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('trunkline_webhook_attempts_total');
    expect((await worker.stop()).code).toBe(0);
  });

  test.each(['an administrator', 'the role itself'])('a gateway with the login of %s answers', async (whose) => {
    const gateway = launch(['gateway'], {
      ...environment,
      DATABASE_URL: whose === 'an administrator' ? db.url : db.loginUrl('gateway'),
      POSTGREST_URL: 'http://127.0.0.1:9',
      POSTGREST_JWT_SECRET: 'a secret of thirty-two characters',
    });
    const url = await gateway.ready;
    expect((await fetch(`${url}/api/v1/health`)).status).toBe(200);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect((await gateway.stop()).code).toBe(0);
  });

  test('migrate finds nothing to do on a database that is up to date', async () => {
    const { code, stdout } = await run(['migrate', '--json'], { ...environment, DATABASE_URL: db.url });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ applied: false });
  });
});
