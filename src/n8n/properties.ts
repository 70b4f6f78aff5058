import type { JsonSchema } from '../gateway/openapi/types.ts';
import { CHOICES, DESCRIPTIONS, HIDDEN, LOADED, NAMES, PLACEHOLDERS } from './plan.ts';

// A field of an operation, from its JSON Schema, as n8n describes and shows one.

export interface Property {
  displayName: string;
  name: string;
  type: string;
  default: unknown;
  [detail: string]: unknown;
}

/** How the node turns what was typed into what is sent. */
export type FieldKind = 'text' | 'number' | 'boolean' | 'time' | 'list' | 'object' | 'names';

export interface Field {
  name: string;
  kind: FieldKind;
  /** null empties it */
  nullable: boolean;
  schema: JsonSchema;
}

const typesOf = (schema: JsonSchema): string[] =>
  Array.isArray(schema.type) ? schema.type : schema.type ? [schema.type] : [];

/** Schemas that say "this or null" hold what the type of the first is. */
function unwrapped(schema: JsonSchema): JsonSchema {
  const [first, second] = schema.anyOf ?? [];
  return first && second?.type === 'null'
    ? { ...first, ...schema, anyOf: undefined, type: [...typesOf(first), 'null'] }
    : schema;
}

export function fieldOf(operation: string, name: string, given: JsonSchema): Field {
  const schema = unwrapped(given);
  const types = typesOf(schema);
  const nullable = types.includes('null');
  const kind = (): FieldKind => {
    if (types.includes('array')) return loadedBy(operation, name) ? 'names' : 'list';
    if (types.includes('object')) return 'object';
    if (types.includes('boolean')) return 'boolean';
    if (types.includes('integer') || types.includes('number')) return 'number';
    return schema.format === 'date-time' ? 'time' : 'text';
  };
  return { name, kind: kind(), nullable, schema };
}

const found = <T>(table: Record<string, T>, operation: string, name: string): T | undefined =>
  table[`${operation}.${name}`] ?? table[name];

const loadedBy = (operation: string, name: string): string | undefined => found(LOADED, operation, name);

const SPELLED: Record<string, string> = {
  id: 'ID',
  url: 'URL',
  ai: 'AI',
  crm: 'CRM',
  json: 'JSON',
  linkedin: 'LinkedIn',
};
const SMALL = ['of', 'to', 'or', 'and', 'in'];

/** lead_score → Lead Score */
export const titleOf = (name: string): string =>
  name
    .split('_')
    .map(
      (word, at) =>
        SPELLED[word] ?? (at > 0 && SMALL.includes(word) ? word : (word[0] ?? '').toUpperCase() + word.slice(1)),
    )
    .join(' ');

/** The reference's words in n8n's style: no Markdown, ID and URL in capitals, a single sentence without its full stop. */
function described(text: string): string {
  const plain = text
    .replaceAll('`', '')
    .replaceAll(/\bid\b/gi, 'ID')
    .replaceAll(/\burl\b/gi, 'URL')
    .replaceAll(/\bjson\b/gi, 'JSON')
    .replaceAll(' …', '')
    .replaceAll('e.g. ', 'such as ');
  const [, ...more] = plain.split(/\.\s+/);
  const capital = plain.charAt(0).toUpperCase() + plain.slice(1);
  return more.length > 0 ? capital : capital.replace(/\.$/, '');
}

const EXPRESSION = 'using an <a href="https://docs.n8n.io/code/expressions/">expression</a>';

/** What people call a field. */
export const labelOf = (operation: string, name: string): string => found(NAMES, operation, name) ?? titleOf(name);

/** The property that shows a field. */
export function propertyOf(operation: string, field: Field, required: boolean): Property {
  const { name, kind, schema } = field;
  const displayName = labelOf(operation, name);
  const description = found(DESCRIPTIONS, operation, name) ?? described(schema.description ?? '');
  const placeholder = found(PLACEHOLDERS, operation, name);
  const common = { displayName, name, ...(required && { required: true }) };
  const loader = loadedBy(operation, name);
  if (loader) {
    const many = kind === 'names';
    return {
      ...common,
      type: many ? 'multiOptions' : 'options',
      typeOptions: { loadOptionsMethod: loader },
      default: many ? [] : '',
      description: `${description.replace(/\.$/, '')}. Choose from the list, or specify ${many ? 'IDs' : 'an ID'} ${EXPRESSION}.`,
    };
  }
  if (schema.enum) {
    const options = schema.enum
      .filter((value) => !found(HIDDEN, operation, name)?.includes(String(value)))
      .map((value) => ({ name: CHOICES[String(value)] ?? titleOf(String(value)), value }));
    const sorted = schema.default === undefined ? options.sort((a, b) => a.name.localeCompare(b.name)) : options;
    return { ...common, type: 'options', options: sorted, default: schema.default ?? sorted[0]?.value, description };
  }
  switch (kind) {
    case 'boolean':
      return { ...common, type: 'boolean', default: name === 'enabled', description };
    case 'number':
      return { ...common, type: 'number', typeOptions: bounds(schema), default: schema.minimum ?? 0, description };
    case 'time':
      return { ...common, type: 'dateTime', default: '', description };
    case 'object':
      return { ...common, type: 'json', default: '{}', description };
    case 'list':
      return {
        ...common,
        type: 'string',
        default: '',
        placeholder,
        description: `${description.replace(/\.$/, '')}. Separate several by commas.`,
      };
    default: {
      const long = (schema.maxLength ?? 0) >= 5000;
      return {
        ...common,
        type: 'string',
        ...(long && { typeOptions: { rows: 4 } }),
        default: '',
        ...(placeholder && { placeholder }),
        description,
      };
    }
  }
}

const bounds = ({ minimum, maximum }: JsonSchema): object => ({
  ...(minimum !== undefined && { minValue: minimum }),
  ...(maximum !== undefined && { maxValue: maximum }),
  numberPrecision: 0,
});
