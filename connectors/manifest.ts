import { z } from 'zod';

// A vendor's fields, declared once. Validation, which of them are encrypted, what is shown in their place and the documentation
// all follow from the manifest, so none of them can forget a field.

/** What a field holds, and so how it is checked and how the command line reads it. */
export type FieldKind = 'text' | 'url' | 'endpoint' | 'integer' | 'boolean' | 'list' | 'map';

export interface Field {
  /** snake_case, as it is stored */
  name: string;
  label: string;
  /** where to find it, or what it does: one or two sentences */
  help: string;
  /** url: somebody else's browser goes there. endpoint: we call it, so it must pass the address guard. list: texts. map: text to text. */
  kind: FieldKind;
  /** kept encrypted, and never shown again */
  secret?: boolean;
  required?: boolean;
  /** used where nothing is set */
  default?: unknown;
  /** what a text, each item of a list or each value of a map must look like; and how an error says so */
  pattern?: { expression: RegExp; reason: string };
  /** of an endpoint: what its address may begin with; http and https unless given */
  schemes?: readonly string[];
  /** what the values of a map may be */
  values?: readonly string[];
  /** of an integer */
  min?: number;
  max?: number;
}

export interface Manifest<Fields extends readonly Field[] = readonly Field[]> {
  /** as in paths and tables: meta-lead-ads */
  vendor: string;
  title: string;
  description: string;
  fields: Fields;
  /** what there is to do on the vendor's side, in the order it is done */
  setup: readonly string[];
}

type ValueOf<F extends Field> = F['kind'] extends 'integer'
  ? number
  : F['kind'] extends 'boolean'
    ? boolean
    : F['kind'] extends 'list'
      ? string[]
      : F['kind'] extends 'map'
        ? Record<string, string>
        : string;
type Present<F extends Field> = F extends { required: true } | { default: string | number | boolean | object }
  ? ValueOf<F>
  : ValueOf<F> | undefined;

/** The configuration that a manifest's fields describe. */
export type ConfigurationOf<Fields extends readonly Field[]> = {
  [F in Fields[number] as F['name']]: Present<F>;
};

export type Values = Record<string, unknown>;

/** What follows from a manifest. */
export interface Configuration {
  /** accepts settings and secrets together; fills in defaults; names the field and the reason of what it refuses */
  schema: z.ZodType<Values>;
  /** accepts settings alone, as they are stored: no secrets, no defaults filled in */
  settings: z.ZodType<Values>;
  /** accepts some of the secrets */
  secrets: z.ZodType<Record<string, string>>;
  secretNames: string[];
  requiredSecrets: string[];
  /** of the settings */
  requiredSettings: string[];
  /** fields whose addresses we call, each with its default */
  endpoints: Record<string, string | null>;
  /** settings as they may be shown, with the defaults in force, and in place of each secret whether it is set */
  mask(settings: Values, secretsSet: readonly string[]): Values;
  /** a field's value from the command line's text. Throws a sentence. */
  fromText(name: string, text: string): unknown;
  /** the fields as a Markdown table, and what there is to do on the vendor's side */
  docs(): string;
}

export const MASKED = '••••••••';

/** Derives everything from a manifest. */
export function configurationOf(manifest: Manifest): Configuration {
  const { fields } = manifest;
  const secretFields = fields.filter((field) => field.secret);
  const settingFields = fields.filter((field) => !field.secret);
  const stored = (field: Field) => (field.required ? valueSchema(field) : valueSchema(field).optional());
  const withDefault = (field: Field) =>
    field.default === undefined ? stored(field) : valueSchema(field).default(() => structuredClone(field.default));
  const object = (chosen: readonly Field[], schemaOf: (field: Field) => z.ZodType) =>
    z.strictObject(Object.fromEntries(chosen.map((field) => [field.name, schemaOf(field).meta(documented(field))])));

  return {
    schema: object(fields, withDefault) as z.ZodType<Values>,
    settings: object(settingFields, stored) as z.ZodType<Values>,
    secrets: object(secretFields, (field) => valueSchema(field).optional()) as z.ZodType<Record<string, string>>,
    secretNames: secretFields.map((field) => field.name),
    requiredSecrets: secretFields.filter((field) => field.required).map((field) => field.name),
    requiredSettings: settingFields.filter((field) => field.required).map((field) => field.name),
    endpoints: Object.fromEntries(
      settingFields
        .filter((field) => field.kind === 'endpoint')
        .map((field) => [field.name, (field.default as string | undefined) ?? null]),
    ),
    mask: (settings, secretsSet) =>
      Object.fromEntries(
        fields.map(({ name, secret, default: standard }) => [
          name,
          secret ? (secretsSet.includes(name) ? MASKED : null) : (settings[name] ?? standard ?? null),
        ]),
      ),
    fromText(name, text) {
      const field = fields.find((one) => one.name === name);
      if (!field) throw new Error(`has no field ${name}; it has ${fields.map((one) => one.name).join(', ')}`);
      return readText(field, text);
    },
    docs: () => `${table(fields)}\n\n${manifest.setup.map((step, index) => `${index + 1}. ${step}`).join('\n')}`,
  };
}

/** What JSON Schema says of a field besides what it must look like. */
const documented = ({ label, help, secret, default: standard }: Field): Record<string, unknown> => ({
  description: `${label}. ${help}`,
  ...(standard !== undefined && { default: standard }),
  ...(secret && { writeOnly: true }),
});

const REQUIRED = 'is required';
const said = (reason: string) => ({
  error: (issue: { input?: unknown }) => (issue.input === undefined ? REQUIRED : reason),
});
const oneLine = (max: number) =>
  z
    .string(said('must be a text'))
    .min(1, 'must not be empty')
    .max(max, `must have at most ${max} characters`)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    .regex(/^[^\u0000-\u001f\u007f]*$/, 'must be one line without control characters');

function valueSchema(field: Field): z.ZodType {
  const { kind, pattern, min = 0, max = 1_000_000, values, schemes = ['http', 'https'] } = field;
  switch (kind) {
    case 'integer':
      return z
        .int(said('must be a whole number'))
        .min(min, `must be at least ${min}`)
        .max(max, `must be at most ${max}`);
    case 'boolean':
      return z.boolean(said('must be true or false'));
    case 'list':
      return z
        .array(patterned(oneLine(500), pattern), said('must be a list'))
        .max(100, 'must have at most 100 entries');
    case 'map':
      return z
        .record(
          oneLine(200),
          values ? z.enum(values, `must be one of ${values.join(', ')}`) : patterned(oneLine(200), pattern),
          said('must be an object'),
        )
        .refine((map) => Object.keys(map).length <= 100, 'must have at most 100 entries');
    case 'url':
    case 'endpoint':
      return oneLine(2048).refine(hasScheme(schemes), `must be an ${schemes.join(' or ')} address`);
    default:
      return patterned(field.secret ? oneLine(4096).min(8, 'must have at least 8 characters') : oneLine(2048), pattern);
  }
}

const patterned = (schema: z.ZodString, pattern: Field['pattern']) =>
  pattern ? schema.regex(pattern.expression, pattern.reason) : schema;

const hasScheme =
  (schemes: readonly string[]) =>
  (text: string): boolean =>
    schemes.includes(URL.parse(text)?.protocol.slice(0, -1) ?? '');

function readText({ name, kind }: Field, text: string): unknown {
  const items = text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);
  switch (kind) {
    case 'integer':
      return /^-?\d{1,9}$/.test(text) ? Number(text) : text;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'list':
      return items;
    case 'map':
      return Object.fromEntries(
        items.map((item) => {
          const [, from, to] = /^(.+):(.+)$/.exec(item) ?? [];
          if (!from || !to) throw new Error(`${name}: must be pairs such as a:b,c:d`);
          return [from.trim(), to.trim()];
        }),
      );
    default:
      return text;
  }
}

function table(fields: readonly Field[]): string {
  const shown = (value: unknown): string =>
    value === undefined || (typeof value === 'object' && Object.keys(value as object).length === 0)
      ? ''
      : `\`${typeof value === 'object' ? JSON.stringify(value) : value}\``;
  const rows = fields.map(({ name, label, help, kind, secret, required, default: standard }) => {
    const marks = [kind, secret && 'secret', required && 'required'].filter(Boolean).join(', ');
    return `| \`${name}\` | ${label}. ${help} | ${marks} | ${shown(standard)} |`;
  });
  return ['| field | | kind | default |', '|---|---|---|---|', ...rows].join('\n');
}
