import {
  type IDataObject,
  type IExecuteFunctions,
  type IHookFunctions,
  type IHttpRequestMethods,
  type ILoadOptionsFunctions,
  type IN8nHttpFullResponse,
  type IWebhookFunctions,
  sleep,
} from 'n8n-workflow';
import type { FieldFormat } from './endpoint';
import { apiError, elsewhere, unlikeTrunkline, unreachable } from './errors';

/** Whoever asks Trunkline for something. */
export type Caller = IExecuteFunctions | IHookFunctions | ILoadOptionsFunctions | IWebhookFunctions;

export interface Request {
  query?: IDataObject;
  body?: IDataObject;
  headers?: Record<string, string>;
  /** the answer is a file */
  file?: boolean;
  /** index of the item it is for; errors name it */
  item?: number;
  /** what the editor calls the fields that are sent; errors name them so */
  fields?: Record<string, FieldFormat>;
}

/** Seconds that a caller waits in all when Trunkline asks it to come back later. A run waits, an editor that loads a list does not. */
const PATIENCE = { run: 900, editor: 10 };
/** Seconds before a GET that found nobody is sent again. */
const AGAIN_AFTER = [1, 3];
const NOBODY_THERE = [502, 503, 504];

/** The Base URL as it is meant, however much of the path was pasted with it. */
export const cleanBaseUrl = (given: string): string =>
  given
    .trim()
    .replace(/\/+$/, '')
    .replace(/\/api\/v1$/, '');

async function baseUrlOf(caller: Caller): Promise<string> {
  const { baseUrl } = await caller.getCredentials<{ baseUrl: string }>('trunklineApi');
  return cleanBaseUrl(baseUrl);
}

/** Sends a request and returns its answer. Waits out 429, tries a GET again when nobody answers; throws what went wrong otherwise. */
export async function send(
  caller: Caller,
  method: IHttpRequestMethods,
  path: string,
  request: Request = {},
): Promise<IN8nHttpFullResponse> {
  const baseUrl = await baseUrlOf(caller);
  let patience = 'getInputData' in caller ? PATIENCE.run : PATIENCE.editor;
  let attempts = 0;
  for (;;) {
    const { response, reason = '' } = await once(caller, method, `${baseUrl}/api/v1${path}`, request);
    if (response?.statusCode === 429) {
      const seconds = Math.max(1, Number(response.headers['retry-after']) || 1);
      if (seconds > patience) throw apiError(caller, response, request);
      patience -= seconds;
      await sleep(seconds * 1000);
      continue;
    }
    const absent = response === undefined || NOBODY_THERE.includes(response.statusCode);
    const wait = AGAIN_AFTER[attempts];
    if (absent && method === 'GET' && wait !== undefined) {
      attempts += 1;
      await sleep(wait * 1000);
      continue;
    }
    if (response === undefined) throw unreachable(caller, baseUrl, reason, request.item);
    const { statusCode, headers } = response;
    if (statusCode >= 400) throw apiError(caller, response, request);
    if (statusCode >= 300) throw elsewhere(caller, baseUrl, String(headers.location ?? ''), request.item);
    if (!isTrunkline(response, request)) throw unlikeTrunkline(caller, baseUrl, request.item);
    return response;
  }
}

/** Whether it is what Trunkline answers: an object, or a file. */
const isTrunkline = ({ statusCode, headers, body }: IN8nHttpFullResponse, { file }: Request): boolean =>
  statusCode === 204 ||
  (file ? String(headers['content-type']).startsWith('text/csv') : typeof body === 'object' && body !== null);

/** One attempt: its answer, or why there was none. */
async function once(
  caller: Caller,
  method: IHttpRequestMethods,
  url: string,
  { query, body, headers, file }: Request,
): Promise<{ response?: IN8nHttpFullResponse; reason?: string }> {
  try {
    const response = (await caller.helpers.httpRequestWithAuthentication.call(caller, 'trunklineApi', {
      method,
      url,
      qs: query,
      body,
      headers: { Accept: file ? 'text/csv, application/json' : 'application/json', ...headers },
      ...(file ? { encoding: 'arraybuffer' as const } : { json: true }),
      returnFullResponse: true,
      ignoreHttpStatusErrors: true,
      disableFollowRedirect: true,
    })) as IN8nHttpFullResponse;
    return { response };
  } catch (error) {
    return { reason: (error as Error).message };
  }
}

/** The JSON that a request is answered with. */
export async function ask(
  caller: Caller,
  method: IHttpRequestMethods,
  path: string,
  request: Request = {},
): Promise<IDataObject> {
  const { body } = await send(caller, method, path, request);
  return (body ?? {}) as IDataObject;
}

/** Entries of a list, page by page, until there are `limit` of them or no more. */
export async function entries(
  caller: Caller,
  path: string,
  limit: number,
  { query, ...request }: Request = {},
): Promise<IDataObject[]> {
  const found: IDataObject[] = [];
  let cursor: string | undefined;
  do {
    const page = await ask(caller, 'GET', path, {
      ...request,
      query: { ...query, limit: Math.min(200, limit - found.length), ...(cursor && { cursor }) },
    });
    if (!Array.isArray(page.data)) throw unlikeTrunkline(caller, await baseUrlOf(caller), request.item);
    found.push(...(page.data as IDataObject[]));
    cursor = (page.next_cursor as string | null) ?? undefined;
  } while (cursor && found.length < limit);
  return found;
}
