import pg from 'pg';
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
  return (cells) => {
    const spare = cells.slice(labels.length).some((cell) => cell.trim() !== '');
    if (cells.length < labels.length || spare) {
      return { field: 'row', reason: `has ${cells.length} columns where the header has ${labels.length}` };
    }
    const fields: Fields = { source: defaults.source };
    if (defaults.targetType !== undefined) fields.target_type = defaults.targetType;
    const context: Fields = {};
    const names: Record<string, string> = {};
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
      else if (target === 'first_name' || target === 'last_name') names[target] = cell;
      else if (target === 'context') Object.assign(context, contextOf(label, cell));
      else fields[target] = cell;
    }
    const name = [names.first_name, names.last_name].filter(Boolean).join(' ');
    if (name !== '') fields.name ??= name;
    if (Object.keys(context).length > 0) fields.context = context;
    tags = [...new Set([...tags, ...defaults.tags])];
    if (tags.length > 0) fields.tags = tags;
    return fields;
  };
}

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
function contextOf(label: string, cell: string): Fields {
  const name = label.replace(/^context\./, '');
  if (/^context(\.other)?$/i.test(label)) {
    try {
      const value = JSON.parse(cell) as unknown;
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
    } catch {
      // a text like any other
    }
  }
  return { [name]: cell };
}
