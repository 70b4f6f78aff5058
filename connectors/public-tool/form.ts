import { isUtf8 } from 'node:buffer';
import { AppError, invalidRequest } from '../../src/errors.ts';
import type { HookRequest } from '../connector.ts';
import { parseJson } from '../json.ts';

// What a browser or a script sends as a form, whichever way it is written, as names with their values.

export type FormValue = string | number | boolean | null | FormValue[] | { [name: string]: FormValue };
export type Form = Map<string, FormValue>;

const MAX_FIELDS = 100;
const MAX_NAME = 100;
const MAX_DEPTH = 4;

/** Throws 415 for another type, 400 for a body that is not what its type says, or is not a form. */
export async function readForm({ headers, rawBody }: HookRequest): Promise<Form> {
  const type = headers['content-type'] ?? '';
  const form = await read(type, rawBody);
  if (form.size > MAX_FIELDS)
    throw invalidRequest(`A form has at most ${MAX_FIELDS} fields.`, { reason: 'too many fields' });
  for (const [name, value] of form) {
    if (name.length > MAX_NAME) {
      throw invalidRequest('The name of a field is too long.', { reason: `at most ${MAX_NAME} characters` });
    }
    if (!isShallow(value, MAX_DEPTH))
      throw invalidRequest(`Invalid value for ${name}: nested too deeply.`, {
        field: name,
        reason: 'nested too deeply',
      });
  }
  return form;
}

function read(type: string, body: Buffer): Form | Promise<Form> {
  if (/^application\/x-www-form-urlencoded\b/i.test(type)) return grouped(new URLSearchParams(escapedAsUtf8(body)));
  if (/^multipart\/form-data\b/i.test(type)) return readMultipart(type, asUtf8(body));
  if (/^(application\/([\w.-]+\+)?json|text\/plain)\b/i.test(type)) return readJson(asUtf8(body));
  throw new AppError(415, 'unsupported_media_type', 'The body must be JSON or a form.', {
    field: 'Content-Type',
    reason: 'must be application/json, application/x-www-form-urlencoded or multipart/form-data',
  });
}

/** Browsers send a form in the encoding of its page, and pages that are not UTF-8 are mostly this. */
const OLD = new TextDecoder('windows-1252');
const asUtf8 = (body: Buffer): Buffer => (isUtf8(body) ? body : Buffer.from(OLD.decode(body)));

/** The same of a body whose bytes may be written with percent signs. */
function escapedAsUtf8(body: Buffer): string {
  const text = body.toString('latin1'); // a character for each byte
  const byteOf = (_escape: string, hex: string): string => String.fromCharCode(Number.parseInt(hex, 16));
  if (isUtf8(Buffer.from(text.replace(/%([0-9a-f]{2})/gi, byteOf), 'latin1'))) return body.toString();
  return text.replace(/%([89a-f][0-9a-f])|[\x80-\xff]/gi, (byte, hex?: string) =>
    encodeURIComponent(OLD.decode(Buffer.from(hex ? byteOf(byte, hex) : byte, 'latin1'))),
  );
}

function readJson(body: Buffer): Form {
  let value: unknown;
  try {
    value = parseJson(body.toString('utf8'));
  } catch {
    throw invalidRequest('The body is not valid JSON.', { reason: 'is not valid JSON' });
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw invalidRequest('The body must be an object.', { reason: 'must be an object' });
  }
  return new Map(Object.entries(value as Record<string, FormValue>));
}

async function readMultipart(type: string, body: Buffer): Promise<Form> {
  let data: FormData;
  try {
    data = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData();
  } catch {
    throw invalidRequest('The body is not valid multipart/form-data.', { reason: 'is not valid multipart/form-data' });
  }
  const texts: [string, string][] = [];
  for (const [name, value] of data) {
    if (typeof value === 'string') texts.push([name, value]);
    // a browser sends a file input that was left empty as a file of no bytes
    else if (value.size > 0) {
      throw new AppError(415, 'unsupported_media_type', 'Files are not accepted.', {
        field: name,
        reason: 'is a file',
      });
    }
  }
  return grouped(texts);
}

/** Values that share a name (check boxes) become a list. Anybody can send thousands, so a list grows in place. */
function grouped(pairs: Iterable<[string, string]>): Form {
  const lists = new Map<string, string[]>();
  for (const [name, value] of pairs) {
    const list = lists.get(name);
    if (list) list.push(value);
    else lists.set(name, [value]);
  }
  return new Map([...lists].map(([name, list]) => [name, list.length === 1 ? (list[0] as string) : list]));
}

function isShallow(value: FormValue, depth: number): boolean {
  if (value === null || typeof value !== 'object') return true;
  return depth > 0 && Object.values(value).every((each) => isShallow(each, depth - 1));
}
