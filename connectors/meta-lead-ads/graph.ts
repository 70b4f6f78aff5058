import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { ConnectorIo, Explanation, HttpAnswer } from '../connector.ts';
import { ConnectorFailure } from '../failure.ts';

// Calls of the Graph API.

export interface GraphAccess {
  api_url: string;
  page_access_token: string;
  app_secret: string;
}

const text = z.union([z.string(), z.number()]).transform(String);
const graphLead = z.object({
  id: text,
  created_time: z.string().optional(),
  form_id: text.optional(),
  ad_id: text.optional(),
  ad_name: z.string().optional(),
  adset_id: text.optional(),
  adset_name: z.string().optional(),
  campaign_id: text.optional(),
  campaign_name: z.string().optional(),
  platform: z.string().optional(),
  is_organic: z.boolean().optional(),
  field_data: z.array(z.object({ name: z.string(), values: z.array(text).default([]) })).default([]),
});
export type GraphLead = z.infer<typeof graphLead>;

const BASIC = 'id,created_time,form_id,field_data';
/** These need a permission (ads_management) that a token which reads leads may lack. */
const OF_THE_AD = 'ad_id,ad_name,adset_id,adset_name,campaign_id,campaign_name,platform,is_organic';

/** A lead with its answers, and with what is known of its ad where the token may know it. */
export async function fetchLead(id: string, access: GraphAccess, io: ConnectorIo): Promise<GraphLead> {
  const fields = (names: string) => ask(`/${id}`, { fields: names }, access, io);
  const body = await fields(`${BASIC},${OF_THE_AD}`).catch((failure: unknown) => {
    if (failure instanceof ConnectorFailure && lacksPermission(failure)) return fields(BASIC);
    throw failure;
  });
  const lead = graphLead.safeParse(body);
  if (lead.success) return lead.data;
  const [issue] = lead.error.issues;
  throw new ConnectorFailure(
    'garbage',
    `Meta's answer is no lead: ${issue?.path.join('.') || 'it'} ${issue?.message}.`,
  );
}

/** The page that the token is for. */
export async function fetchPage(access: GraphAccess, io: ConnectorIo): Promise<{ id: string; name: string }> {
  const page = z.object({ id: text, name: z.string() }).safeParse(await ask('/me', { fields: 'id,name' }, access, io));
  if (!page.success) throw new ConnectorFailure('garbage', "Meta's answer is no page.");
  return page.data;
}

async function ask(
  path: string,
  query: Record<string, string>,
  access: GraphAccess,
  io: ConnectorIo,
): Promise<unknown> {
  const { body } = await io.http.request({
    url: `${access.api_url.replace(/\/+$/, '')}${path}`,
    // an app can demand this proof that its secret is known; others ignore it
    query: { ...query, appsecret_proof: proof(access) },
    headers: { authorization: `Bearer ${access.page_access_token}` },
    readError,
  });
  return body;
}

const proof = ({ page_access_token: token, app_secret: secret }: GraphAccess): string =>
  createHmac('sha256', secret).update(token).digest('hex');

const BUSY = new Set([4, 17, 32, 613]);
const isBusy = (code: number): boolean => BUSY.has(code) || (code >= 80_000 && code <= 80_014);
const TRANSIENT = new Set([1, 2]);
const lacksPermission = ({ kind, code }: ConnectorFailure): boolean =>
  kind === 'refused' && typeof code === 'number' && (code === 10 || code === 100 || (code >= 200 && code <= 299));

const graphError = z.object({
  error: z.object({ message: z.string(), code: z.number(), is_transient: z.boolean().optional() }),
});

/** Meta says what went wrong in the body: asking too often is a 400 or 403 like a wrong token. */
function readError({ status, headers, body }: HttpAnswer): Explanation | undefined {
  const read = graphError.safeParse(body);
  if (!read.success) return undefined;
  const { message, code, is_transient: transient } = read.data.error;
  const said = { message: `${message} (code ${code})`, code };
  if (isBusy(code)) return { ...said, kind: 'rate_limited', retryAfter: untilRegained(headers) };
  if (transient || TRANSIENT.has(code)) return { ...said, kind: 'unavailable' };
  return status < 500 && status !== 429 ? { ...said, kind: 'refused' } : said;
}

const usage = z.record(z.string(), z.array(z.object({ estimated_time_to_regain_access: z.number().optional() })));

/** Seconds until Meta answers again, from the header that has it in minutes. */
function untilRegained(headers: Record<string, string>): number | undefined {
  try {
    const read = usage.parse(JSON.parse(headers['x-business-use-case-usage'] ?? ''));
    const minutes = Object.values(read)
      .flat()
      .map((one) => one.estimated_time_to_regain_access ?? 0);
    return Math.max(0, ...minutes) * 60 || undefined;
  } catch {
    return undefined;
  }
}
