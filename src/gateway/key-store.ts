import { LRUCache } from 'lru-cache';
import pg from 'pg';
import { SIGNS_OF_LIFE } from '../database/pool.ts';
import type { Logger } from '../log.ts';
import type { Reach } from '../operations/actor.ts';

/** A key as the database knows it. */
export interface StoredKey {
  organizationId: string;
  keyId: string;
  contract: string;
  environment: 'live' | 'test';
  reach: Reach;
  scopes: string[];
  ratePerMinute: number | null;
  rateBurst: number | null;
  expiresAt: Date | null;
  revokedAt: Date | null;
}

interface Row {
  organization_id: string;
  key_id: string;
  contract: string;
  environment: 'live' | 'test';
  reach: Reach;
  scopes: string[];
  rate_per_minute: number | null;
  rate_burst: number | null;
  expires_at: Date | null;
  revoked_at: Date | null;
}

export interface KeyStore {
  /** the key with this SHA-256; undefined when there is none */
  find(hash: Buffer): Promise<StoredKey | undefined>;
  /** notes that a key was used; written later, with others */
  noteUse(key: { organizationId: string; keyId: string }): void;
  close(): Promise<void>;
}

const FLUSH_MS = 10_000;
const REMEMBER_MS = 60_000;

/**
 * Looks keys up, and remembers them for a minute. A change of a key is told by NOTIFY and forgets it here at once; while the
 * notifications are not coming in, nothing is remembered. (Whatever is remembered, private.tenant() asks the table itself.)
 */
export function createKeyStore(pool: pg.Pool, listenUrl: string, log: Logger): KeyStore {
  const cache = new LRUCache<string, StoredKey>({ max: 20_000, ttl: REMEMBER_MS });
  const uses = new Map<string, { organization_id: string; key_id: string; at: string }>();
  let listening = false;
  let closed = false;
  let listener: pg.Client | undefined;
  let retry: NodeJS.Timeout | undefined;

  async function listen(): Promise<void> {
    if (closed) return;
    const client = new pg.Client({
      connectionString: listenUrl,
      application_name: 'trunkline gateway keys',
      ...SIGNS_OF_LIFE,
    });
    listener = client;
    let down = false;
    const fallBack = () => {
      if (down) return;
      down = true;
      listening = false;
      cache.clear();
      if (!closed) retry = setTimeout(listen, 1_000);
      client.end().catch(() => {});
    };
    client.on('notification', ({ payload }) => void (payload && cache.delete(payload)));
    client.on('error', fallBack);
    client.on('end', fallBack);
    try {
      await client.connect();
      await client.query('listen trunkline_keys');
      cache.clear();
      listening = true;
    } catch (error) {
      log.warn({ err: error }, 'key changes cannot be listened to; keys are looked up on every request');
      fallBack();
    }
  }

  async function flush(): Promise<void> {
    if (uses.size === 0) return;
    const batch = JSON.stringify([...uses.values()]);
    uses.clear();
    await pool
      .query({ name: 'note_key_uses', text: 'select app.note_key_uses($1)', values: [batch] })
      .catch((error) => {
        log.warn({ err: error }, 'last_used_at of some keys could not be written');
      });
  }

  void listen();
  const timer = setInterval(flush, FLUSH_MS);
  timer.unref();

  return {
    async find(hash) {
      const name = hash.toString('hex');
      const known = listening ? cache.get(name) : undefined;
      if (known) return known;
      const { rows } = await pool.query<Row>({
        name: 'authenticate',
        text: 'select * from app.authenticate($1)',
        values: [hash],
      });
      const found = rows[0] && stored(rows[0]);
      if (found && listening) cache.set(name, found);
      return found;
    },
    noteUse({ organizationId, keyId }) {
      uses.set(keyId, { organization_id: organizationId, key_id: keyId, at: new Date().toISOString() });
    },
    async close() {
      closed = true;
      clearInterval(timer);
      clearTimeout(retry);
      await flush();
      await listener?.end().catch(() => {});
    },
  };
}

const stored = (row: Row): StoredKey => ({
  organizationId: row.organization_id,
  keyId: row.key_id,
  contract: row.contract,
  environment: row.environment,
  reach: row.reach,
  scopes: row.scopes,
  ratePerMinute: row.rate_per_minute,
  rateBurst: row.rate_burst,
  expiresAt: row.expires_at,
  revokedAt: row.revoked_at,
});
