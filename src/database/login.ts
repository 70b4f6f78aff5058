import { createHmac } from 'node:crypto';
import pg from 'pg';

export type LoginRole = 'gateway' | 'worker' | 'postgrest';
const LOGIN_ROLES: LoginRole[] = ['gateway', 'worker', 'postgrest'];

/** Where the passwords of the login roles come from. */
export interface Credentials {
  encryptionKey: string;
  passwords: Partial<Record<LoginRole, string>>;
}

/** The password of a login role: the configured one, else one derived from the encryption key, which every process has. */
function loginPassword(role: LoginRole, credentials: Credentials): string {
  return (
    credentials.passwords[role] ??
    createHmac('sha256', credentials.encryptionKey).update(`login:${role}`).digest('base64url')
  );
}

/** The connection string of a login role on the server of another connection string. One that is the role's already stays. */
export function loginUrl(url: string, role: LoginRole, credentials: Credentials): string {
  const target = new URL(url);
  if (decodeURIComponent(target.username) === role) return url;
  target.username = role;
  target.password = loginPassword(role, credentials);
  return target.href;
}

/** Sets the passwords of the login roles, where they are not what the configuration says. Needs an administrator's connection. */
export async function setLoginPasswords(adminUrl: string, credentials: Credentials): Promise<void> {
  for (const role of LOGIN_ROLES) {
    if (await canLogIn(loginUrl(adminUrl, role, credentials))) continue;
    const client = new pg.Client({ connectionString: adminUrl });
    await client.connect();
    try {
      // roles belong to the cluster, so two databases' set-ups could meet here
      await client.query("select pg_advisory_lock(hashtext('trunkline.logins'))");
      const password = client.escapeLiteral(loginPassword(role, credentials));
      await client.query(`alter role ${client.escapeIdentifier(role)} login password ${password}`);
    } finally {
      await client.end();
    }
  }
}

async function canLogIn(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    return true;
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === '28P01' || code === '28000') return false;
    throw error;
  } finally {
    await client.end().catch(() => {});
  }
}
