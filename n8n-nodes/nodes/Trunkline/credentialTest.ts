import type {
  ICredentialDataDecryptedObject,
  ICredentialsDecrypted,
  ICredentialTestFunctions,
  INodeCredentialTestResult,
} from 'n8n-workflow';
import { cleanBaseUrl } from './request';

/** Milliseconds that somebody who waits for the result is left to wait. */
const PATIENCE = 15_000;

interface Answer {
  statusCode: number;
  headers: Record<string, string | undefined>;
  body?: {
    tenant_id?: string;
    environment?: string;
    scopes?: string[];
    name?: string;
    error?: { message?: string };
  };
}

const failed = (message: string): INodeCredentialTestResult => ({ status: 'Error', message });

/** Why nobody answered, for who does not know errors by their names. */
function inWords(reason: string, base: string): string {
  if (/EPROTO|wrong version number/.test(reason))
    return 'it does not speak https there. Without a certificate, the Base URL begins with http://.';
  if (/ENOTFOUND|EAI_AGAIN/.test(reason)) return 'n8n does not find that host.';
  if (!/ECONNREFUSED/.test(reason)) return reason;
  const here = /^https?:\/\/(localhost|127\.|\[::1\])/.test(base);
  return `nothing listens there.${here ? ' Where n8n runs in a container, that address is the container itself.' : ''}`;
}

/** Asks who the key is, and says so. */
export async function trunklineApiTest(
  this: ICredentialTestFunctions,
  { data }: ICredentialsDecrypted<ICredentialDataDecryptedObject>,
): Promise<INodeCredentialTestResult> {
  const base = cleanBaseUrl(String(data?.baseUrl ?? ''));
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
      timeout: PATIENCE,
    })) as Answer;
  try {
    const health = await get('/health');
    if (health.statusCode === 401)
      return failed(`Trunkline does not accept the API key: ${health.body?.error?.message ?? 'it is invalid.'}`);
    if (health.statusCode >= 300 && health.statusCode < 400) {
      const there = cleanBaseUrl((health.headers.location ?? '').replace(/\/health$/, ''));
      return failed(`${base} sends to another address. Enter that as the Base URL: ${there || 'it names none'}`);
    }
    if (health.statusCode === 429)
      return failed('Trunkline receives more requests than the key may send. Test again in a minute.');
    if (health.statusCode >= 500)
      return failed(`Trunkline cannot answer now (status ${health.statusCode}). Test again later.`);
    if (health.statusCode !== 200 || !health.body?.tenant_id) {
      return failed(`${base} does not answer as Trunkline does (status ${health.statusCode}). Check the Base URL.`);
    }
    const { tenant_id, scopes = [], environment } = health.body;
    const organization = await get('/organizations/me');
    const name = organization.statusCode === 200 ? (organization.body?.name ?? tenant_id) : tenant_id;
    const kind = environment === 'test' ? ' (a test key)' : '';
    return { status: 'OK', message: `Connected to ${name} with the scopes ${scopes.join(', ')}${kind}.` };
  } catch (error) {
    return failed(`Trunkline cannot be reached at ${base}: ${inWords((error as Error).message, base)}`);
  }
}
