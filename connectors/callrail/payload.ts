import type { HookReceipt } from '../connector.ts';
import { ConnectorFailure } from '../failure.ts';
import { parseJson } from '../json.ts';

// What CallRail delivers. It documents JSON; deliveries in which the same fields are a form have been seen, so both are read. Nothing
// in a payload says which webhook it is of.

export type Fields = Record<string, unknown>;

/** The fields of a payload. Throws what cannot be read. */
export function fieldsOf({ headers, body }: HookReceipt): Fields {
  const text = body.toString('utf8');
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? '');
  // a sender that set up its headers wrongly still sends what it sends
  const fields = isForm && !text.trimStart().startsWith('{') ? formFields(text) : jsonFields(text);
  if (fields) return fields;
  throw new ConnectorFailure('refused', 'What was received is not what CallRail sends: it has no fields.');
}

function jsonFields(text: string): Fields | undefined {
  try {
    const value = parseJson(text);
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

/** Lists are written as tags[]=…; of another name that comes twice, the last counts. */
function formFields(text: string): Fields | undefined {
  const fields = new Map<string, string | string[]>();
  const lists = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (!name.endsWith('[]')) {
      fields.set(name, value);
      continue;
    }
    const list = lists.get(name) ?? [];
    list.push(value);
    lists.set(name, list);
    fields.set(name.slice(0, -2), list);
  }
  return fields.size > 0 ? Object.fromEntries(fields) : undefined;
}

/** A text, or a number as one; undefined where nothing is said. */
export function textOf(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && text.trim() !== '' ? text.trim() : undefined;
}

/** Ids of today begin with the kind of what they name; those of old are numbers. */
export const idOf = (fields: Fields): string | undefined => textOf(fields.resource_id) ?? textOf(fields.id);

/** Whether it tells of a call, rather than of a text message or a form. */
export function isCall(fields: Fields): boolean {
  const id = idOf(fields);
  if (id === undefined) return false;
  if (/^[A-Z]{3}[0-9a-f]{16,}$/.test(id)) return id.startsWith('CAL');
  return 'answered' in fields || 'duration' in fields;
}

/** Whether it is of this company; without one, of whichever. */
export const isOfCompany = (fields: Fields, company: string | undefined): boolean =>
  company === undefined || [fields.company_resource_id, fields.company_id].some((id) => textOf(id) === company);
