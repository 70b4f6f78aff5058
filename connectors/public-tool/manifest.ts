import { CONTACT_COLUMNS } from '../lead-draft.ts';
import type { ConfigurationOf, Manifest } from '../manifest.ts';

const NAMES = { expression: /^[\w.[\]-]{1,100}$/, reason: 'must be the name of a form field' };

export const manifest = {
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
      help: 'Holds when the form was shown: Date.now(). The lead’s context tells how long it took (form_seconds); scoring asks for that.',
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

export type Config = ConfigurationOf<(typeof manifest)['fields']>;
