import { type IDataObject, type INode, NodeOperationError } from 'n8n-workflow';
import type { Endpoint, FieldFormat } from './endpoint';
import { instant } from './time';

// What was typed into the fields of a node, as the API takes it.

interface Context {
  node: INode;
  item: number;
  timezone: string;
}

/** The fields that have a value. An update says null for a field that was added and left empty, where that empties it. */
export function fieldValues(endpoint: Endpoint, given: IDataObject, context: Context): IDataObject {
  const { extra, fields, method } = endpoint;
  const { [extra ?? '']: more, ...named } = given;
  const values: IDataObject = more === undefined ? {} : { ...(objectOf(extra ?? '', more, context) ?? {}) };
  for (const [name, value] of Object.entries(named)) {
    const format = fields[name];
    if (!format) continue;
    const converted = isBlank(value) ? undefined : convert(name, value, format, context);
    if (converted !== undefined) values[name] = converted;
    else if (method === 'PATCH' && format.nullable) values[name] = null;
  }
  return values;
}

const isBlank = (value: unknown): boolean => value === undefined || value === null || value === '';

function convert(
  name: string,
  value: unknown,
  { kind }: FieldFormat,
  context: Context,
): IDataObject[string] | undefined {
  switch (kind) {
    case 'number':
      return numberOf(name, value, context);
    case 'boolean':
      return typeof value === 'boolean' ? value : value === 'true';
    case 'time':
      return timeOf(name, value, context);
    case 'list':
    case 'names':
      return listOf(value);
    case 'object':
      return objectOf(name, value, context);
    default:
      return typeof value === 'object' ? JSON.stringify(value) : String(value);
  }
}

const wrong = (message: string, description: string, { node, item }: Context): NodeOperationError =>
  new NodeOperationError(node, message, { description, itemIndex: item });

function numberOf(name: string, value: unknown, context: Context): number {
  const number = Number(value);
  if (Number.isFinite(number)) return number;
  throw wrong(`${name} is not a number: ${String(value)}`, `Give ${name} a number, or remove the field.`, context);
}

function timeOf(name: string, value: unknown, context: Context): string {
  const time = instant(value, context.timezone);
  if (time) return time;
  throw wrong(
    `${name} is not a date: ${String(value)}`,
    `Give ${name} a date such as 2026-05-04 or 2026-05-04T13:40:00Z, or an expression such as {{ $now.minus(1, 'day') }}.`,
    context,
  );
}

/** Texts from a list, from JSON of one, or separated by commas. */
function listOf(value: unknown): string[] {
  const texts = Array.isArray(value)
    ? value
    : String(value)
        .replace(/^\s*\[|\]\s*$/g, '')
        .split(',');
  return texts
    .map((text) =>
      String(text)
        .trim()
        .replace(/^"(.*)"$/, '$1'),
    )
    .filter((text) => text !== '');
}

function objectOf(name: string, value: unknown, context: Context): IDataObject | undefined {
  let object = value;
  if (typeof value === 'string') {
    try {
      object = JSON.parse(value);
    } catch (error) {
      throw wrong(
        `${name} is not valid JSON`,
        `${(error as Error).message}. Write an object such as {"key": "value"}.`,
        context,
      );
    }
  }
  if (typeof object !== 'object' || object === null || Array.isArray(object)) {
    throw wrong(`${name} is not an object`, 'Write an object such as {"key": "value"}.', context);
  }
  return Object.keys(object).length > 0 ? (object as IDataObject) : undefined;
}
