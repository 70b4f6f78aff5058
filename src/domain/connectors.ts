import { z } from 'zod';
import type { Field } from '../../connectors/manifest.ts';
import { connectors } from '../../connectors/registry.ts';
import { operation } from '../operations/operation.ts';

// What can be connected, for whoever builds a form of it.

const described = ({
  name,
  label,
  help,
  kind,
  secret,
  required,
  default: standard,
  values,
  min,
  max,
}: Field): object => ({
  name,
  label,
  help,
  kind,
  secret: secret ?? false,
  required: required ?? false,
  default: standard ?? null,
  ...(values && { values }),
  ...(min !== undefined && { min }),
  ...(max !== undefined && { max }),
});

const VENDORS = JSON.stringify({
  data: connectors.map(({ manifest: { vendor, title, description, setup, fields }, hook, test }) => ({
    vendor,
    title,
    description,
    hook: hook !== undefined,
    test: test !== undefined,
    setup,
    fields: fields.map(described),
  })),
});

export const listVendors = operation({
  id: 'connectors.vendors',
  summary: 'List vendors',
  description: 'The outside services that can be connected: their fields, and what there is to do on their side.',
  scope: 'connectors.read',
  kind: 'read',
  input: z.strictObject({}),
  statement: () => ({ text: 'select $1::text as body', values: [VENDORS] }),
});
