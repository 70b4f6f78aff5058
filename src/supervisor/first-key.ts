import { asOperator, createOrganization } from '../cli/operator.ts';
import { claimsOf, systemActor } from '../operations/actor.ts';
import { generateApiKey } from '../security/api-key.ts';

/** The organization and the admin key of a first start. The key exists nowhere else. */
export interface FirstKey {
  organizationId: string;
  organization: string;
  key: string;
}

const NAME = 'My organization';

/** Makes the first organization and its admin key; undefined when there is an organization already. */
export function createFirstKey(adminUrl: string): Promise<FirstKey | undefined> {
  return asOperator(adminUrl, async (client) => {
    // two processes may start on one new database
    await client.query("select pg_advisory_xact_lock(hashtext('trunkline.first_key'))");
    const { rowCount } = await client.query('select from app.organizations limit 1');
    if (rowCount !== 0) return undefined;
    const { id } = await createOrganization(client, { name: NAME });
    const made = generateApiKey('eal', 'live');
    await client.query("select set_config('request.jwt.claims', $1, true)", [
      claimsOf(systemActor(id, 'system', 'first_start')),
    ]);
    await client.query(
      "select app.create_key('eal', 'live', 'First admin key', $1, $2, array['read', 'write', 'admin'], null)",
      [made.hash, made.displayPrefix],
    );
    return { organizationId: id, organization: NAME, key: made.key };
  });
}
