import { connector, type HookRequest, type Received } from '../connector.ts';
import { CONTACT_COLUMNS } from '../lead-draft.ts';
import type { ConfigurationOf, Manifest } from '../manifest.ts';
import { contextOf } from './context.ts';
import { type Form, type FormValue, readForm } from './form.ts';
import { anonymous, contactOf } from './lead.ts';

const NAMES = { expression: /^[\w.[\]-]{1,100}$/, reason: 'must be the name of a form field' };

const manifest = {
  vendor: 'public-tool',
  title: 'Public form',
  description: 'Leads from a form or calculator on any website, posted by the visitor’s browser or by a script.',
  setup: [
    'Let the form post to the hook address: `<form method="post" action="…">`, or `fetch()` with JSON.',
    'Add the honeypot: a text field of that name that people do not see (`style="position:absolute;left:-9999px" tabindex="-1" autocomplete="off"`).',
  ],
  fields: [
    {
      name: 'tool',
      label: 'Tool',
      help: 'What the form is called in the lead’s context; otherwise the connection’s name.',
      kind: 'text',
      pattern: { expression: /^.{1,200}$/, reason: 'must have at most 200 characters' },
    },
    {
      name: 'allowed_origins',
      label: 'Websites',
      help: 'Origins whose pages may send the form; without any, all may.',
      kind: 'list',
      default: [],
      pattern: { expression: /^https?:\/\/[^/\s?#]+$/, reason: 'must be origins such as https://www.example.com' },
    },
    {
      name: 'honeypot_field',
      label: 'Honeypot',
      help: 'A field that only machines fill in: what fills it is thanked, and makes no lead.',
      kind: 'text',
      default: 'website_url',
      pattern: NAMES,
    },
    {
      name: 'min_seconds',
      label: 'Least time',
      help: 'Seconds between the page and the form; 0 does not look. The form says when it was shown.',
      kind: 'integer',
      default: 0,
      max: 3600,
    },
    {
      name: 'shown_at_field',
      label: 'Field of the time',
      help: 'Holds when the form was shown: Date.now().',
      kind: 'text',
      default: 'form_shown_at',
      pattern: NAMES,
    },
    { name: 'consent_field', label: 'Consent', help: 'A check box that must be ticked.', kind: 'text', pattern: NAMES },
    {
      name: 'required_fields',
      label: 'Required fields',
      help: 'Names of fields that must be filled in.',
      kind: 'list',
      default: [],
      pattern: NAMES,
    },
    {
      name: 'field_mapping',
      label: 'Mapping of fields',
      help: `Name of a field to ${CONTACT_COLUMNS.join(', ')}; usual names are known, all others are kept in the context.`,
      kind: 'map',
      default: {},
      values: CONTACT_COLUMNS,
    },
    {
      name: 'page_field',
      label: 'Field of the page',
      help: 'Holds the address of the page; otherwise the browser’s Referer.',
      kind: 'text',
      default: 'page_url',
      pattern: NAMES,
    },
    { name: 'tags', label: 'Tags', help: 'Put on every lead of the form.', kind: 'list', default: [] },
    {
      name: 'success_url',
      label: 'Where to go',
      help: 'A page that thanks the visitor of a plain HTML form.',
      kind: 'url',
    },
    {
      name: 'success_message',
      label: 'Thanks',
      help: 'Shown where there is no such page.',
      kind: 'text',
      default: 'Thank you. We will be in touch.',
    },
    {
      name: 'per_address_limit',
      label: 'Limit per address',
      help: 'Forms a minute from one address.',
      kind: 'integer',
      default: 5,
      min: 1,
      max: 10_000,
    },
    {
      name: 'per_form_limit',
      label: 'Limit of the form',
      help: 'Forms a minute in all.',
      kind: 'integer',
      default: 60,
      min: 1,
      max: 100_000,
    },
    {
      name: 'max_size',
      label: 'Largest form',
      help: 'Bytes.',
      kind: 'integer',
      default: 65_536,
      min: 1024,
      max: 1_048_576,
    },
  ],
} as const satisfies Manifest;

type Config = ConfigurationOf<(typeof manifest)['fields']>;

export const publicTool = connector(manifest, {
  hook: {
    kind: 'direct',
    origins: (config) => config.allowed_origins,
    limits: (config) => ({ perAddress: config.per_address_limit, inAll: config.per_form_limit }),
    maxSize: (config) => config.max_size,
    receive,
  },
});

async function receive(
  request: HookRequest,
  config: Config,
  connection: { name: string; now: Date },
): Promise<Received> {
  const form = await readForm(request);
  const thanks = { redirect: config.success_url, message: config.success_message };
  if (isFilled(take(form, config.honeypot_field))) return { leads: [], ...thanks };

  const shownAt = take(form, config.shown_at_field);
  const page = take(form, config.page_field);
  const { columns, rest, errors } = contactOf(form, config.field_mapping);
  const wrong = {
    ...anonymous(columns),
    ...missing(form, config),
    ...(config.min_seconds > 0 && hurried(shownAt, config, connection.now)),
    ...errors,
  };
  if (Object.keys(wrong).length > 0) return { errors: wrong };

  const tool = config.tool ?? connection.name;
  const context = contextOf({ tool, page, headers: request.headers, message: columns.notes, rest });
  const lead = { source: 'public_tool', ...columns, source_url: context.url, tags: config.tags, context };
  return { leads: [lead], ...thanks };
}

/** Takes a field that is about the form out of it. */
function take(form: Form, name: string): FormValue | undefined {
  const value = form.get(name);
  form.delete(name);
  return value;
}

const isFilled = (value: FormValue | undefined): boolean =>
  value !== undefined && value !== null && value !== false && String(value).trim() !== '';
const isTicked = (value: FormValue | undefined): boolean =>
  isFilled(value) && !['false', 'off', 'no', '0'].includes(String(value).trim().toLowerCase());

function missing(form: Form, { required_fields: required, consent_field: consent }: Config): Record<string, string> {
  const empty = required.filter((name) => !isFilled(form.get(name))).map((name) => [name, 'is required']);
  const refused = consent !== undefined && !isTicked(form.get(consent)) ? [[consent, 'must be agreed to']] : [];
  return Object.fromEntries([...empty, ...refused]);
}

/** People take a while to fill a form in. Told to whoever was too quick: it may be a person whose browser did it. */
function hurried(shownAt: FormValue | undefined, config: Config, now: Date): Record<string, string> {
  const field = config.shown_at_field;
  const at = Number(shownAt);
  if (!isFilled(shownAt) || !Number.isFinite(at))
    return { [field]: 'must hold the time the form was shown, in milliseconds' };
  const seconds = (now.getTime() - at) / 1000;
  return seconds >= config.min_seconds
    ? {}
    : { [field]: 'shows that the form was sent too quickly; wait a moment and send it again' };
}
