import type {
  ICredentialDataDecryptedObject,
  ICredentialsDecrypted,
  ICredentialTestFunctions,
  INodeCredentialTestResult,
} from 'n8n-workflow';

interface Answer {
  statusCode: number;
  body?: {
    tenant_id?: string;
    environment?: string;
    scopes?: string[];
    name?: string;
    error?: { message?: string };
  };
}

const failed = (message: string): INodeCredentialTestResult => ({ status: 'Error', message });

/** Asks who the key is, and says so. */
export async function trunklineApiTest(
  this: ICredentialTestFunctions,
  { data }: ICredentialsDecrypted<ICredentialDataDecryptedObject>,
): Promise<INodeCredentialTestResult> {
  const base = String(data?.baseUrl ?? '')
    .trim()
    .replace(/\/+$/, '')
    .replace(/\/api\/v1$/, '');
  const key = String(data?.apiKey ?? '').trim();
  if (!/^https?:\/\/[^/]/.test(base))
    return failed('The Base URL must begin with https:// or http://, e.g. https://trunkline.example.com.');
  if (!key.startsWith('eal_')) return failed('The API key must begin with eal_live_ or eal_test_.');
  // the only request that n8n lends to the test of a credential
  const { request } = this.helpers;
  const get = async (path: string): Promise<Answer> =>
    (await request({
      uri: `${base}/api/v1${path}`,
      headers: { Authorization: `Bearer ${key}`, 'X-Trunkline-Source': 'n8n' },
      json: true,
      simple: false,
      resolveWithFullResponse: true,
      followRedirect: false,
    })) as Answer;
  try {
    const health = await get('/health');
    if (health.statusCode === 401)
      return failed(`Trunkline does not accept the API key: ${health.body?.error?.message ?? 'it is invalid.'}`);
    if (health.statusCode !== 200 || !health.body?.tenant_id) {
      return failed(`${base} does not answer as Trunkline does (status ${health.statusCode}). Check the Base URL.`);
    }
    const { tenant_id, scopes = [], environment } = health.body;
    const organization = await get('/organizations/me');
    const name = organization.statusCode === 200 ? (organization.body?.name ?? tenant_id) : tenant_id;
    const kind = environment === 'test' ? ' (a test key)' : '';
    return { status: 'OK', message: `Connected to ${name} with the scopes ${scopes.join(', ')}${kind}.` };
  } catch (error) {
    return failed(`Trunkline cannot be reached at ${base}: ${(error as Error).message}`);
  }
}
