import pg from 'pg';
import type { z } from 'zod';
import { SOURCES } from '../../domain/sources.ts';
import { isExactNumber, parseExactly } from '../../exact-json.ts';
import type { Mapping } from './columns.ts';

export type Fields = Record<string, unknown>;

/** Why a row is no lead. */
export interface Refusal {
  field: string;
  reason: string;
}

/** What every lead of an import gets, unless its row says otherwise. */
export interface Defaults {
  source: string;
  targetType?: string | undefined;
  tags: readonly string[];
}

/** What app.csv_cell put an apostrophe before, so that no spreadsheet runs it. */
const NEUTRALISED = /^'(?=[=+\-@\t\r\n＝＋－＠])/;

/** Makes the fields of a lead of a row's cells, or says why it cannot. */
export function fieldsOf(mapping: Mapping, defaults: Defaults): (cells: readonly string[]) => Fields | Refusal {
  const { targets, labels } = mapping;
  const schemas = labels.map(schemasOf);
  return (cells) => {
    const spare = cells.slice(labels.length).some((cell) => cell.trim() !== '');
    if (cells.length < labels.length || spare) {
      return { field: 'row', reason: `has ${cells.length} columns where the header has ${labels.length}` };
    }
    const fields: Fields = { source: defaults.source };
    if (defaults.targetType !== undefined) fields.target_type = defaults.targetType;
    const context: Fields = {};
    const names: Record<string, [cell: string, label: string]> = {};
    let tags: string[] = [];
    for (const [index, target] of targets.entries()) {
      const cell = (cells[index] ?? '').replace(NEUTRALISED, '').trim();
      const label = labels[index] as string;
      if (target === null || cell === '') continue;
      if (cell.includes('\0')) {
        return {
          field: target === 'context' ? label : target,
          reason: 'contains a character that cannot be stored (NUL)',
        };
      }
      if (target === 'tags') tags = listOf(cell);
      else if (target === 'first_name' || target === 'last_name') names[target] = [cell, label];
      else if (target === 'context') Object.assign(context, contextOf(label, cell, schemas[index] ?? []));
      else fields[target] = cell;
    }
    const parts = [names.first_name, names.last_name].filter((part) => part !== undefined);
    const { name } = fields;
    if (typeof name !== 'string') {
      if (parts.length > 0) fields.name = parts.map(([part]) => part).join(' ');
    } else {
      // where "Name" is the last name, the first is in no other column
      for (const [part, label] of parts) if (!holds(name, part)) context[label] = part;
    }
    if (Object.keys(context).length > 0) fields.context = context;
    tags = [...new Set([...tags, ...defaults.tags])];
    if (tags.length > 0) fields.tags = tags;
    return fields;
  };
}

const holds = (name: string, part: string): boolean => name.toLowerCase().includes(part.toLowerCase());

export const isRefusal = (made: Fields | Refusal): made is Refusal => 'reason' in made;

const TEXT_ARRAY = 1009;

/** a, b; c | d, or an array as PostgreSQL writes one: {a,"b c"}. */
function listOf(cell: string): string[] {
  const items = /^\{.*\}$/s.test(cell)
    ? (pg.types.getTypeParser(TEXT_ARRAY as never)(cell) as (string | null)[])
    : cell.split(/[,;|]/);
  return items.map((item) => (item ?? '').trim()).filter((item) => item !== '');
}

/** What a cell tells of the context: our exports have columns context and context.other, which hold objects, and context.field. */
function contextOf(label: string, cell: string, schemas: readonly z.ZodType[]): Fields {
  const name = label.replace(/^context\./, '');
  if (/^context(\.other)?$/i.test(label)) {
    const value = jsonOf(cell);
    return isObject(value) ? value : { [name]: cell };
  }
  if (schemas.length === 0 || fits(cell, schemas)) return { [name]: cell };
  const value = jsonOf(cell);
  return { [name]: value !== undefined && fits(value, schemas) ? value : cell };
}

/** What sources say of a field that our exports have a column for: it may be a number, or a list. */
function schemasOf(label: string): z.ZodType[] {
  const [, name] = /^context\.(.+)$/.exec(label) ?? [];
  return SOURCES.flatMap(({ context: { shape } }) =>
    name !== undefined && Object.hasOwn(shape, name) ? [shape[name] as z.ZodType] : [],
  );
}

const fits = (value: unknown, schemas: readonly z.ZodType[]): boolean =>
  schemas.some((schema) => schema.safeParse(value).success);

/** A cell as JSON; undefined for null, for what is none, and for what no column can hold: these are texts like any other. */
function jsonOf(cell: string): unknown {
  try {
    const value = parseExactly(cell) ?? undefined;
    return isStorable(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isExactNumber(value);

/** Nothing that means something is nested deeper. */
const DEEPEST = 50;

/** Whether jsonb can hold it: no NUL, no half of a surrogate pair, not nested without end. */
function isStorable(value: unknown, depth = 0): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0');
  if (typeof value !== 'object' || value === null) return true;
  return (
    depth < DEEPEST &&
    Object.entries(value)
      .flat()
      .every((each) => isStorable(each, depth + 1))
  );
}
