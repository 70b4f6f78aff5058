import { eal } from '../contracts/eal/index.ts';
import { INTENTS } from '../domain/intents.ts';
import { createSchemas } from '../gateway/openapi/schemas.ts';
import type { JsonSchema } from '../gateway/openapi/types.ts';
import { type Offer, PLAN, RECORDS } from './plan.ts';
import { type Field, fieldOf, labelOf, type Property, propertyOf, titleOf } from './properties.ts';

// The generated part of the n8n nodes: for each resource, what its operations send and which fields they show.

const HEAD = '// Written by `npm run generate` from the operations of the contract. Do not edit.\n';

/** The generated files, by their path below n8n-nodes/. */
export function generatedFiles(): Record<string, string> {
  const files: Record<string, string> = {};
  for (const [resource, offers] of Object.entries(PLAN)) {
    const parts = offers.map((offer) => describe(resource, offer));
    const endpoints = Object.fromEntries(parts.map((part) => [part.value, part.endpoint]));
    const outputs = outputsOf(resource);
    files[`nodes/Trunkline/generated/${resource}.ts`] = [
      HEAD,
      `import type { INodeProperties${outputs && ', INodePropertyOptions'} } from 'n8n-workflow';`,
      "import type { Endpoint } from '../endpoint';\n",
      `export const ${resource}Endpoints: Record<string, Endpoint> = ${literal(endpoints)};\n`,
      `export const ${resource}Fields: INodeProperties[] = ${literal(parts.flatMap((part) => part.properties))};\n`,
      ...(outputs ? [`export const ${resource}Outputs: INodePropertyOptions[] = ${literal(outputs)};\n`] : []),
    ].join('\n');
  }
  files['nodes/TrunklineTrigger/generated/choices.ts'] = [
    HEAD,
    "import type { INodePropertyOptions } from 'n8n-workflow';\n",
    `export const intents: INodePropertyOptions[] = ${literal(INTENTS.map((value) => ({ name: titleOf(value), value })).sort((a, b) => a.name.localeCompare(b.name)))};\n`,
  ].join('\n');
  return files;
}

/** The fields of a resource, as choices; none where its answers are short. */
function outputsOf(resource: string): object[] | '' {
  const route = eal.routes.find((one) => one.operation.id === RECORDS[resource]);
  if (!route?.output) return '';
  const schemas = createSchemas();
  const { $ref, ...whole } = schemas.of(route.output, 'output');
  const { properties = {} } = schemas.components[$ref?.split('/').at(-1) ?? ''] ?? whole;
  return Object.keys(properties)
    .filter((name) => name !== 'id')
    .map((value) => ({ name: titleOf(value), value }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

const WIDTH = 110;

/** A value as TypeScript, on one line where it fits. */
function literal(value: unknown, indent = ''): string {
  if (typeof value === 'string') return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  if (typeof value !== 'object' || value === null) return String(value);
  const deeper = `${indent}  `;
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  const parts = Array.isArray(value)
    ? value.map((part) => literal(part, deeper))
    : Object.entries(value)
        .filter(([, part]) => part !== undefined)
        .map(([name, part]) => `${name}: ${literal(part, deeper)}`);
  const space = open === '{' && parts.length > 0 ? ' ' : '';
  const line = `${open}${space}${parts.join(', ')}${space}${close}`;
  if (!line.includes('\n') && indent.length + line.length < WIDTH) return line;
  return `${open}\n${parts.map((part) => `${deeper}${part},\n`).join('')}${indent}${close}`;
}

function describe(resource: string, { value, operation: id, upfront = [], collection, extra }: Offer) {
  const route = eal.routes.find((one) => one.operation.id === id);
  if (!route) throw new Error(`the contract has no operation ${id}`);
  const { method, path } = route;
  const { properties = {}, required = [] }: JsonSchema = createSchemas().of(route.operation.input, 'input');
  const paged = 'cursor' in properties;
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
  const fields = Object.entries(properties)
    .filter(([name]) => !['cursor', 'limit', 'id'].includes(name))
    .map(([name, schema]) => fieldOf(id, name, schema));
  const optional = fields.filter(({ name }) => !upfront.includes(name) && !isRequired(name));
  const show = { show: { resource: [resource], operation: [value] } };

  function isRequired(name: string): boolean {
    return required.includes(name) && properties[name]?.default === undefined;
  }
  const first = [
    ...upfront,
    ...fields.map(({ name }) => name).filter((name) => isRequired(name) && !upfront.includes(name)),
  ];
  const shown: Property[] = first.map((name) => ({
    ...propertyOf(id, fields.find((field) => field.name === name) as Field, isRequired(name)),
    displayOptions: show,
  }));
  const more = optional.map((field) => propertyOf(id, field, false));
  if (extra) {
    const schema = { type: 'object' };
    more.push(propertyOf(id, { name: extra, kind: 'object', nullable: false, schema }, false));
  }
  if (collection && more.length > 0) {
    shown.push({
      displayName: collection,
      name: collectionName(collection),
      type: 'collection',
      placeholder: collection === 'Filters' ? 'Add Filter' : 'Add Field',
      default: {},
      displayOptions: show,
      options: more.sort((a, b) => a.displayName.localeCompare(b.displayName)),
    });
  } else if (more.length > 0) {
    throw new Error(`${id} has fields that ${resource}.${value} shows nowhere: ${more.map(({ name }) => name)}`);
  }
  const kinds = fields.filter(({ name }) => !inPath.includes(name));
  return {
    value,
    endpoint: {
      method,
      path,
      ...(paged && { paged: true }),
      ...(route.operation.kind === 'export' && { csv: true }),
      ...(collection && more.length > 0 && { collection: collectionName(collection) }),
      ...(extra && { extra: { name: extra, label: labelOf(id, extra) } }),
      fields: Object.fromEntries(
        kinds.map(({ name, kind, nullable }) => [
          name,
          { label: labelOf(id, name), kind, ...(nullable && { nullable: true }) },
        ]),
      ),
      upfront: first.filter((name) => !inPath.includes(name)),
    },
    properties: shown,
  };
}

const collectionName = (name: string): string => (name[0] ?? '').toLowerCase() + name.slice(1).replaceAll(' ', '');
