import { z } from 'zod';
import type { ConnectorIo, Explanation, HttpAnswer, HttpRequest } from '../connector.ts';
import { ConnectorFailure } from '../failure.ts';
import type { Fields } from './payload.ts';

// Requests to CallRail's API, version 3.

export interface ApiAccess {
  api_url: string;
  api_key: string;
  account_id: string;
  company_id?: string | undefined;
}

/** What is told of a call beyond what is told anyway. Nothing that is different each time (access keys, counts that go on). */
const EXTRA_FIELDS = [
  ...[
    'call_type',
    'call_summary',
    'campaign',
    'company_id',
    'company_name',
    'device_type',
    'fbclid',
    'first_call',
    'gclid',
  ],
  ...['keywords', 'landing_page_url', 'last_requested_url', 'lead_status', 'medium', 'msclkid', 'note', 'person_id'],
  ...['prior_calls', 'referrer_domain', 'referring_url', 'sentiment', 'source', 'source_name', 'tags', 'tracker_id'],
  ...['transcription', 'utm_campaign', 'utm_content', 'utm_medium', 'utm_source', 'utm_term', 'value', 'zip_code'],
].join(',');

/** CallRail gives up to 250. A hundred transcripts of long calls are some megabytes already, and must come in ten seconds. */
const PER_PAGE = 100;
const LARGEST_PAGE = 16 * 1024 * 1024;

const named = z.object({ id: z.union([z.string(), z.number()]).transform(String), name: z.string() });
const page = z.object({
  calls: z.array(z.record(z.string(), z.unknown())),
  has_next_page: z.boolean().optional(),
  next_page: z.string().nullish(),
});

/** The account that the key opens. */
export const fetchAccount = async (access: ApiAccess, io: ConnectorIo): Promise<z.infer<typeof named>> =>
  read(named, 'account', await ask({ url: `${account(access)}.json` }, access, io));

/** The company whose calls are taken. */
export const fetchCompany = async (
  company: string,
  access: ApiAccess,
  io: ConnectorIo,
): Promise<z.infer<typeof named>> =>
  read(named, 'company', await ask({ url: `${account(access)}/companies/${company}.json` }, access, io));

export interface CallsPage {
  calls: Fields[];
  /** address of the next page; undefined: this was the last */
  next: string | undefined;
}

/**
 * A page of the calls that came in since then, oldest first, so that those which come in meanwhile move no page. The address of a
 * further page is CallRail's, and is asked as it stands: only where the key belongs.
 */
export async function fetchCalls(
  since: Date,
  next: string | undefined,
  access: ApiAccess,
  io: ConnectorIo,
): Promise<CallsPage> {
  const request = next === undefined ? firstPage(since, access) : { url: ownAddress(next, access) };
  const body = await ask({ ...request, maxBodyBytes: LARGEST_PAGE }, access, io);
  const { calls, has_next_page: more, next_page: following } = read(page, 'list of calls', body);
  if (!more) return { calls, next: undefined };
  if (!following || following === next)
    throw new ConnectorFailure('garbage', 'CallRail promised a page, and did not say where.');
  return { calls, next: ownAddress(following, access) };
}

function firstPage(since: Date, access: ApiAccess): Pick<HttpRequest, 'url' | 'query'> {
  return {
    url: `${account(access)}/calls.json`,
    query: {
      relative_pagination: 'true',
      per_page: String(PER_PAGE),
      sort: 'start_time',
      order: 'asc',
      // to the minute, and in a time zone of our choice: it would be that of whoever made the key
      start_date: since.toISOString().slice(0, 16),
      time_zone: 'Etc/UTC',
      fields: EXTRA_FIELDS,
      ...(access.company_id !== undefined && { company_id: access.company_id }),
    },
  };
}

const located = z.object({ url: z.url({ protocol: /^https?$/ }) });

/** Where a recording can be fetched without credentials: a webhook's address as it is, the API's as the API says. */
export async function fetchRecording(address: string, access: ApiAccess, io: ConnectorIo): Promise<string> {
  if (!isOwn(address, access)) return address;
  return read(located, 'recording', await ask({ url: address }, access, io)).url;
}

const base = ({ api_url: url }: ApiAccess): string => url.replace(/\/+$/, '');
const account = (access: ApiAccess): string => `${base(access)}/a/${access.account_id}`;

function isOwn(address: string, access: ApiAccess): boolean {
  const own = new URL(`${base(access)}/a/`);
  const url = URL.canParse(address) ? new URL(address) : undefined;
  return url?.origin === own.origin && url.pathname.startsWith(own.pathname);
}

function ownAddress(next: string, access: ApiAccess): string {
  if (isOwn(next, access)) return next;
  throw new ConnectorFailure('garbage', 'CallRail named an address of another service as the next page.');
}

async function ask(request: HttpRequest, access: ApiAccess, io: ConnectorIo): Promise<unknown> {
  const headers = { authorization: `Token token="${access.api_key}"`, 'request-from': 'trunkline' };
  const { body } = await io.http.request({ ...request, headers, readError });
  return body;
}

function read<Schema extends z.ZodType>(schema: Schema, what: string, body: unknown): z.infer<Schema> {
  const answer = schema.safeParse(body);
  if (answer.success) return answer.data;
  const [issue] = answer.error.issues;
  throw new ConnectorFailure(
    'garbage',
    `CallRail's answer is no ${what}: ${issue?.path.join('.') || 'it'} ${issue?.message}.`,
  );
}

const explained = z.object({ error: z.string() });

/** The status says what went wrong; the body why, in words. */
function readError({ body }: HttpAnswer): Explanation | undefined {
  const answer = explained.safeParse(body);
  return answer.success ? { message: answer.data.error } : undefined;
}
