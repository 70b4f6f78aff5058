import { createOutbound } from '../../src/connections/http-client.ts';
import { createPool } from '../../src/database/pool.ts';
import { saveConnection } from '../../src/domain/connections.ts';
import { systemActor } from '../../src/operations/actor.ts';
import { type Core, execute, readReasons } from '../../src/operations/execute.ts';
import type { Operation } from '../../src/operations/operation.ts';
import { createEncryption } from '../../src/security/encryption.ts';
import { createAddressGuard } from '../../src/webhooks/address-guard.ts';
import { TEST_ENCRYPTION_KEY, type TestDatabase } from '../support/database.ts';

/** Acts for organizations as the command line does: through the gateway's login. */
export interface Operator {
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered
  run<Input, Local>(organization: string, operation: Operation<Input, Local>, input: object): Promise<any>;
  /** connects a service, and returns the path of its hook */
  connect(
    organization: string,
    vendor: string,
    configuration?: { settings?: object; secrets?: object; name?: string },
  ): Promise<string>;
  /** the same for a service that calls no hook */
  save(organization: string, vendor: string, configuration: { settings?: object; secrets?: object }): Promise<void>;
  stop(): Promise<void>;
}

export async function startOperator(db: TestDatabase): Promise<Operator> {
  const pool = createPool(db.loginUrl('gateway'), { max: 2, name: 'test operator' });
  const guard = createAddressGuard({ allowHttp: true, allowSubnets: ['127.0.0.0/8'] });
  const outbound = createOutbound({ guard });
  const core: Core = {
    pool,
    reasons: await readReasons(pool),
    services: {
      encryption: createEncryption(TEST_ENCRYPTION_KEY),
      guard,
      outbound,
      publicUrl: 'http://hooks.example.com',
    },
  };
  const run: Operator['run'] = async (organization, operation, input) => {
    const actor = systemActor(organization, 'system', 'operator');
    return JSON.parse((await execute(core, operation, actor, input, { contract: 'eal' })).body);
  };
  return {
    run,
    connect: async (organization, vendor, configuration = {}) =>
      new URL((await run(organization, saveConnection, { vendor, ...configuration })).hook_url).pathname,
    save: async (organization, vendor, configuration) => {
      await run(organization, saveConnection, { vendor, ...configuration });
    },
    stop: async () => {
      await Promise.all([pool.end(), outbound.close()]);
    },
  };
}

export interface StoredLead {
  organization_id: string;
  id: string;
  external_id: string | null;
  name: string | null;
  email: string | null;
  phone: string | null;
  company: string | null;
  source: string;
  source_url: string | null;
  tags: string[];
  notes: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: the context is what the test is about
  context: any;
}

/** Leads of an organization, oldest first. */
export async function leadsOf(db: TestDatabase, organization: string): Promise<StoredLead[]> {
  const { rows } = await db.admin.query<StoredLead>(
    'select * from app.leads where organization_id = $1 order by created_at, id',
    [organization],
  );
  return rows;
}

export interface StoredReceipt {
  id: string;
  state: string;
  attempts: number;
  error: string | null;
  lead_ids: string[];
  next_attempt_at: Date;
}

export async function receiptsOf(db: TestDatabase, organization: string): Promise<StoredReceipt[]> {
  const { rows } = await db.admin.query<StoredReceipt>(
    'select * from app.hook_receipts where organization_id = $1 order by received_at, id',
    [organization],
  );
  return rows;
}
