import { type IDataObject, type INode, NodeOperationError } from 'n8n-workflow';
import type { Endpoint, FieldFormat } from './endpoint';
import { listOf } from './list';
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
  const { [extra?.name ?? '']: more, ...named } = given;
  const values: IDataObject = extra && more !== undefined ? { ...(objectOf(extra.label, more, context) ?? {}) } : {};
  for (const [name, value] of Object.entries(named)) {
    const format = fields[name];
    if (!format) continue;
    const converted = isBlank(value) ? undefined : convert(value, format, context);
    if (converted !== undefined) values[name] = converted;
    else if (method === 'PATCH' && format.nullable) values[name] = null;
  }
  return values;
}

const isBlank = (value: unknown): boolean => value === undefined || value === null || value === '';

function convert(value: unknown, { kind, label }: FieldFormat, context: Context): IDataObject[string] | undefined {
  switch (kind) {
    case 'number':
      return numberOf(label, value, context);
    case 'boolean':
      return typeof value === 'boolean' ? value : value === 'true';
    case 'time':
      return timeOf(label, value, context);
    case 'list':
    case 'names':
      return listOf(value);
    case 'object':
      return objectOf(label, value, context);
    default:
      return typeof value === 'object' ? JSON.stringify(value) : String(value);
  }
}

const wrong = (message: string, description: string, { node, item }: Context): NodeOperationError =>
  new NodeOperationError(node, message, { description, itemIndex: item });

function numberOf(label: string, value: unknown, context: Context): number {
  const number = Number(value);
  if (Number.isFinite(number)) return number;
  throw wrong(
    `'${label}' is not a number: ${String(value)}`,
    `Give '${label}' a number, or remove the field.`,
    context,
  );
}

function timeOf(label: string, value: unknown, context: Context): string {
  const time = instant(value, context.timezone);
  if (time) return time;
  throw wrong(
    `'${label}' is not a date: ${String(value)}`,
    `Give '${label}' a date such as 2026-05-04 or 2026-05-04T13:40:00Z, or an expression such as {{ $now.minus(1, 'day') }}.`,
    context,
  );
}

function objectOf(label: string, value: unknown, context: Context): IDataObject | undefined {
  let object = value;
  if (typeof value === 'string') {
    try {
      object = JSON.parse(value);
    } catch (error) {
      throw wrong(
        `'${label}' is not valid JSON`,
        `${(error as Error).message}. Write an object such as {"key": "value"}.`,
        context,
      );
    }
  }
  if (typeof object !== 'object' || object === null || Array.isArray(object)) {
    throw wrong(`'${label}' is not an object`, 'Write an object such as {"key": "value"}.', context);
  }
  return Object.keys(object).length > 0 ? (object as IDataObject) : undefined;
}
