import type { JsonSchema, OpenApiDocument } from '../openapi/types.ts';
import { escapeHtml } from '../page.ts';
import { inline, table } from './text.ts';

export const resolve = (document: OpenApiDocument, schema: JsonSchema): JsonSchema =>
  schema.$ref ? (document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}) : schema;

/**
 * The fields of an object, those inside of others by their path: data[].id. What is sent is marked where it is required, what
 * is answered where it is not: the rarer each time.
 */
export function fieldTable(document: OpenApiDocument, schema: JsonSchema, use: 'sent' | 'answered'): string {
  const rows = fields(document, schema, '').map(({ path, of, required }) => [
    `<code>${escapeHtml(path)}</code>${required === (use === 'sent') ? ` <span class="${use}">${required ? 'required' : 'optional'}</span>` : ''}`,
    typeText(document, of),
    descriptionOf(of),
  ]);
  return table(['Field', 'Type', 'Description'], rows);
}

interface Field {
  path: string;
  of: JsonSchema;
  required: boolean;
}

function fields(document: OpenApiDocument, schema: JsonSchema, prefix: string): Field[] {
  const { properties = {}, required = [] } = resolve(document, schema);
  return Object.entries(properties).flatMap(([name, property]) => {
    const path = prefix + name;
    const own = { path, of: property, required: required.includes(name) };
    const isList = property.type === 'array' && property.items;
    return [own, ...fields(document, isList || property, isList ? `${path}[].` : `${path}.`)];
  });
}

/** "integer, 1–200, default 50" */
export function typeText(document: OpenApiDocument, given: JsonSchema): string {
  const schema = resolve(document, given);
  if (schema.const !== undefined) return `<code>${escapeHtml(JSON.stringify(schema.const))}</code>`;
  if (schema.enum) return schema.enum.map((value) => `<code>${escapeHtml(String(value))}</code>`).join(' ');
  if (schema.anyOf && !schema.type) return schema.anyOf.map((one) => typeText(document, one)).join(' or ');
  const types = [schema.type ?? 'any'].flat();
  const words = types.map((type) => (type === 'array' ? `list of ${itemText(document, schema.items)}` : type));
  return [words.join(' or '), ...limits(schema)].join(', ');
}

const itemText = (document: OpenApiDocument, items: JsonSchema = {}): string =>
  resolve(document, items).properties ? 'objects' : typeText(document, items).replace(/^string\b/, 'strings');

function limits(schema: JsonSchema): string[] {
  const { format, minimum, maximum, maxLength } = schema;
  return [
    ...(format ? [format] : []),
    ...(minimum !== undefined && maximum !== undefined && maximum < 1e9 ? [`${minimum}–${maximum}`] : []),
    ...(maxLength !== undefined ? [`at most ${maxLength} characters`] : []),
    ...(schema.default !== undefined ? [`default ${escapeHtml(written(schema.default))}`] : []),
  ];
}

const written = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));
const descriptionOf = (schema: JsonSchema): string => (schema.description ? inline(schema.description) : '');
