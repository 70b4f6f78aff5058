import { z } from 'zod';
import type { JsonSchema } from './types.ts';

/** Schemas of one document: those with an id become components, each written once. */
export interface Schemas {
  components: Record<string, JsonSchema>;
  /** what a client sends ('input') or gets ('output') */
  of(schema: z.ZodType, io: 'input' | 'output'): JsonSchema;
  /** makes a component of a schema that has no id, and refers to it */
  named(name: string, schema: JsonSchema): JsonSchema;
}

const DEFINITIONS = '#/$defs/';
const COMPONENTS = '#/components/schemas/';

export function createSchemas(): Schemas {
  const components: Record<string, JsonSchema> = {};

  const named = (name: string, schema: JsonSchema): JsonSchema => {
    const known = components[name];
    if (known && JSON.stringify(known) !== JSON.stringify(schema)) {
      throw new Error(`two schemas are named ${name}`);
    }
    components[name] = schema;
    return { $ref: COMPONENTS + name };
  };

  return {
    components,
    named,
    of(schema, io) {
      const text = JSON.stringify(z.toJSONSchema(schema, { io, override: documentedType }));
      const { $schema: _dialect, $defs, ...json } = JSON.parse(text.replaceAll(`"${DEFINITIONS}`, `"${COMPONENTS}`));
      for (const [name, definition] of Object.entries($defs ?? {})) named(name, tidy(definition as JsonSchema));
      return tidy(json);
    },
  };
}

/**
 * A pipe reads text and yields something better defined (queryInteger: digits, then a number): what it yields is what a client
 * should think of. One that ends in a mere function says nothing of its result, so there the text is documented.
 */
function documentedType(context: { zodSchema: z.core.$ZodTypes; jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  const { zodSchema, jsonSchema } = context;
  const { def } = zodSchema._zod;
  if (def.type === 'pipe' && def.out._zod.def.type !== 'transform') {
    const { $schema: _dialect, ...result } = z.toJSONSchema(def.out, { io: 'input' });
    for (const keyword of Object.keys(jsonSchema)) delete jsonSchema[keyword];
    Object.assign(jsonSchema, result, z.globalRegistry.get(zodSchema));
  }
  // zod leaves out the default of what is transformed, as it is not what would have been sent; here it is
  if (def.type === 'default') jsonSchema.default = def.defaultValue as never;
}

/** Takes away what says nothing to a reader, and writes "text or null" as one type. */
function tidy(schema: JsonSchema): JsonSchema {
  const { anyOf, ...rest } = schema;
  const [first, second] = anyOf ?? [];
  if (anyOf?.length === 2 && first && typeof first.type === 'string' && !first.enum && second?.type === 'null') {
    return tidy({ ...first, ...rest, type: [first.type, 'null'] });
  }
  const tidied: JsonSchema = { ...schema };
  if (tidied.format === 'uuid') delete tidied.pattern;
  delete tidied.propertyNames;
  if (anyOf) tidied.anyOf = anyOf.map(tidy);
  if (tidied.items) tidied.items = tidy(tidied.items);
  if (tidied.properties) {
    tidied.properties = Object.fromEntries(Object.entries(tidied.properties).map(([key, value]) => [key, tidy(value)]));
  }
  return tidied;
}
