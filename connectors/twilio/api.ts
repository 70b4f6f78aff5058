import { z } from 'zod';
import type { ConnectorIo, Explanation, HttpAnswer, TakenMessage } from '../connector.ts';
import { ConnectorFailure } from '../failure.ts';

// Calls of Twilio's REST API, and what its errors mean.

interface Access {
  account_sid: string;
  auth_token: string;
  api_url: string;
}

const account = z.object({ friendly_name: z.string(), status: z.string() });
const message = z.object({ sid: z.string().min(1).max(100), from: z.string().nullish() });

/** The account that the token is for. */
export async function fetchAccount(access: Access, io: ConnectorIo): Promise<z.infer<typeof account>> {
  const read = account.safeParse(await ask('.json', access, io));
  if (!read.success) throw new ConnectorFailure('garbage', "Twilio's answer is no account.");
  return read.data;
}

/** What became of a message. Whatever could be read of the answer: it was a success. */
export function sent(answer: unknown, from: string | undefined): TakenMessage {
  const read = message.safeParse(answer);
  if (!read.success) throw new ConnectorFailure('garbage', "Twilio's answer is no message.", { uncertain: true });
  return { externalId: read.data.sid, from: read.data.from ?? from };
}

/** GET, or POST with a form. Twilio knows no idempotency key: what was posted twice is sent twice. */
export async function ask(
  path: string,
  access: Access,
  io: ConnectorIo,
  form?: Record<string, string>,
): Promise<unknown> {
  const { account_sid: sid, auth_token: token, api_url: api } = access;
  const base = `${api.replace(/\/+$/, '')}/2010-04-01/Accounts/${sid}`;
  const login = Buffer.from(`${sid}:${token}`).toString('base64');
  try {
    const { body } = await io.http.request({
      method: form ? 'POST' : 'GET',
      url: `${base}${path}`,
      headers: { authorization: `Basic ${login}` },
      ...(form && { form }),
      readError,
    });
    return body;
  } catch (failure) {
    if (!(failure instanceof ConnectorFailure) || failure.code !== UNSUBSCRIBED) throw failure;
    const { kind, message: words, ...details } = failure;
    throw new ConnectorFailure(kind, words, { ...details, optedOut: true });
  }
}

/** The recipient sent STOP to this number. */
const UNSUBSCRIBED = 21610;
/** too many requests; the queue of the number is full; too many at once */
const BUSY = new Set([20429, 21611, 14107, 30001, 30022]);

const twilioError = z.object({ code: z.number(), message: z.string() });

/** Twilio says in the body what went wrong. */
function readError({ status, body }: HttpAnswer): Explanation | undefined {
  const read = twilioError.safeParse(body);
  if (!read.success) return undefined;
  const { code, message: words } = read.data;
  const said = { message: `${words} (code ${code})`, code };
  return BUSY.has(code) && status < 500 ? { ...said, kind: 'rate_limited' } : said;
}
