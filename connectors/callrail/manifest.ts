import type { ConfigurationOf, Manifest } from '../manifest.ts';

export const manifest = {
  vendor: 'callrail',
  title: 'CallRail',
  description: 'Calls that CallRail tracks, as they come in, end and are modified.',
  setup: [
    'In CallRail, open Integrations, Webhooks, and choose the company; its signing key is shown there.',
    'Enter the hook address for Post-Call and Call Modified; for Pre-Call and Call Routing Complete too, to know of calls while they ring.',
    'Open Settings, API Access, and make an API V3 key: what the webhooks miss is asked for with it. The account is the part after /a/ in the addresses of CallRail’s pages.',
    'A signing key belongs to one company: for another, add a connection with another name.',
  ],
  fields: [
    {
      name: 'signing_key',
      label: 'Signing key',
      help: 'Of the company, on the page of its webhooks. What CallRail sends is signed with it.',
      kind: 'text',
      secret: true,
      required: true,
    },
    {
      name: 'api_key',
      label: 'API key',
      help: 'Asks for the calls that no webhook told of.',
      kind: 'text',
      secret: true,
      required: true,
      pattern: { expression: /^[0-9A-Za-z_-]{8,200}$/, reason: 'must be an API key: 8 to 200 letters and digits' },
    },
    {
      name: 'account_id',
      label: 'Account',
      help: 'Its id (ACC…, or the number of old).',
      kind: 'text',
      required: true,
      pattern: { expression: /^(ACC[0-9A-Za-z]{1,40}|\d{1,30})$/, reason: 'must be the id of an account such as ACC…' },
    },
    {
      name: 'company_id',
      label: 'Company',
      help: 'Id of the company whose calls are taken (COM…, or the number of old); without it, those of all companies that the API key sees.',
      kind: 'text',
      pattern: { expression: /^(COM[0-9A-Za-z]{1,40}|\d{1,30})$/, reason: 'must be the id of a company such as COM…' },
    },
    {
      name: 'poll_minutes',
      label: 'Minutes between polls',
      help: 'How often calls that no webhook told of are asked for.',
      kind: 'integer',
      default: 15,
      min: 5,
      max: 1440,
    },
    {
      name: 'overlap_hours',
      label: 'Hours polled again',
      help: 'A call that was modified so long after it came in is noticed without its webhook too.',
      kind: 'integer',
      default: 48,
      min: 1,
      max: 720,
    },
    {
      name: 'look_back_days',
      label: 'Days before connecting',
      help: 'Calls of these days are fetched when the service is connected.',
      kind: 'integer',
      default: 7,
      min: 0,
      max: 90,
    },
    {
      name: 'api_url',
      label: 'API',
      help: 'With its version.',
      kind: 'endpoint',
      default: 'https://api.callrail.com/v3',
    },
  ],
} as const satisfies Manifest;

export type Config = ConfigurationOf<(typeof manifest)['fields']>;
