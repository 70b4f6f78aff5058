import { onConnection } from '../../supervisor/reach.ts';
import { asOperator, type Verification, verifyAudit } from '../operator.ts';

export const verifyNow = (adminUrl: string): Promise<Verification> =>
  asOperator(adminUrl, (client) => verifyAudit(client));

export interface Proof {
  entries: number;
  /** problems found before the tampering */
  before: string[];
  /** and after it */
  after: string[];
}

/**
 * Seals the current hour before its time, lets a superuser change an entry with every trigger off, and asks what the seals
 * say before and after. All of it in a transaction that is rolled back: the log is not harmed.
 */
export const proveTampering = (adminUrl: string, entryId: string): Promise<Proof> =>
  onConnection(adminUrl, async (client) => {
    const problems = async (): Promise<string[]> => {
      const { rows } = await client.query<{ problem: string }>('select problem from audit.verify()');
      return rows.map((row) => row.problem);
    };
    await client.query('begin');
    try {
      await client.query("select audit.seal_closed_hours('-1 hour')");
      const { rows } = await client.query<{ entries: string }>('select entries from audit.head()');
      const before = await problems();
      await client.query('set local session_replication_role = replica');
      await client.query(
        `update audit.platform_events set payload = jsonb_set(payload, '{diff,pipeline_stage,to}', '"lost"') where id = $1`,
        [entryId],
      );
      return { entries: Number(rows[0]?.entries ?? 0), before, after: await problems() };
    } finally {
      await client.query('rollback');
    }
  });
