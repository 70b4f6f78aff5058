import { createConfig, lintFromString } from '@redocly/openapi-core';
import { describe, expect, test } from 'vitest';
import { connectors } from '../../connectors/registry.ts';
import { documentOf, documents, jsonOf } from './documents.ts';

// The documents themselves. That the gateway keeps what they promise is in openapi-examples, -errors and -webhooks.

const lint = async (source: object): Promise<string[]> =>
  (
    await lintFromString({ source: JSON.stringify(source), config: await createConfig({ extends: ['recommended'] }) })
  ).map(({ ruleId, message, location }) => `${ruleId}: ${message} at ${location[0]?.pointer}`);

describe.each(documents)('the document of %s', (_name, { contract, document, named, parametersOf }) => {
  test('has nothing that a public linter finds fault with', async () => {
    expect(await lint(document)).toEqual([]);
    // the linter does look: a document with a fault has one
    expect(await lint({ ...document, paths: { '/x': { get: { operationId: 'x' } } } })).not.toEqual([]);
  });

  test('holds every operation of the contract, and nothing else', () => {
    const operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, { operationId }]) => `${method.toUpperCase()} ${path} ${operationId}`),
    );
    expect(operations.sort()).toEqual(
      contract.routes.map(({ method, path, operation }) => `${method} ${path} ${operation.id}`).sort(),
    );
    expect(new Set(named.map(([id]) => id)).size).toBe(contract.routes.length);
  });

  test('describes every parameter and every field that is sent', () => {
    const bodies = Object.entries(document.components.schemas).filter(([name]) => name.endsWith('Request'));
    const without = [
      ...named.flatMap(([id, { operation }]) =>
        parametersOf(operation).flatMap((one) => (one.description ? [] : [`${id} ${one.name}`])),
      ),
      ...bodies.flatMap(([name, { properties }]) =>
        Object.entries(properties ?? {}).flatMap(([field, { description }]) =>
          description ? [] : [`${name} ${field}`],
        ),
      ),
    ];
    expect(without).toEqual([]);
  });

  test('writes each schema once', () => {
    const inlined = named.flatMap(([id, { operation }]) => {
      const contents = [
        operation.requestBody?.content,
        ...Object.values(operation.responses).map((one) => ('content' in one ? one.content : undefined)),
      ];
      return contents.flatMap((content) => (jsonOf(content) && !jsonOf(content)?.schema.$ref ? [id] : []));
    });
    expect(inlined).toEqual([]);
  });
});

describe('scopes', () => {
  const scopesOf = (name: string) =>
    Object.fromEntries(documentOf(name).named.map(([id, { operation }]) => [id, operation['x-required-scope']]));

  test('of Expert AI Labs are those that its document names', () => {
    expect(scopesOf('eal')).toMatchObject({
      'health.get': undefined,
      'organizations.me': 'read',
      'organizations.list': 'admin',
      'organizations.create': 'admin',
      'organizations.update': 'admin',
      'organizations.grants.create': 'admin',
      'leads.list': 'read',
      'leads.get': 'read',
      'leads.create': 'write',
      'leads.update': 'write',
      'audit_log.list': 'read',
      'audit_log.get': 'read',
      'audit_log.export': 'read',
      'webhooks.list': 'read',
      'webhooks.get': 'read',
      'webhooks.create': 'admin',
      'webhooks.delete': 'admin',
      'webhooks.rotate_secret': 'admin',
      'webhooks.deliveries.list': 'read',
    });
  });

  test('of AI93 are those that its document names', () => {
    expect(scopesOf('ai93')).toEqual({
      'leads.list': 'leads:read',
      'leads.export': 'leads:read',
      'leads.create': 'leads:write',
      'leads.get': 'leads:read',
      'leads.update': 'leads:write',
      'leads.handoff': 'leads:handoff',
      'leads.handoffs.list': 'leads:read',
      'leads.replies.create': 'leads:write',
      'leads.replies.list': 'leads:read',
      'sources.list': 'sources:read',
      'scrapers.runs.list': 'sources:read',
      'health.get': undefined,
    });
  });
});

describe('what is sent', () => {
  const schemasOf = (name: string, path: string) => {
    const { document, parametersOf } = documentOf(name);
    const operation = document.paths[path]?.get;
    if (!operation) throw new Error(`no GET ${path}`);
    return Object.fromEntries(parametersOf(operation).map((one) => [one.name, one.schema]));
  };

  test('is documented as it is read, not as it is written in a query string', () => {
    const eal = schemasOf('eal', '/leads');
    expect(eal.limit).toEqual({ type: 'integer', minimum: 1, maximum: 200, default: 50 });
    expect(eal.start_at).toEqual({ type: 'string', format: 'date-time' });
    expect(eal.cursor).toEqual({ type: 'string', maxLength: 512 });
    expect(schemasOf('eal', '/leads/{id}').id).toEqual({ type: 'string', format: 'uuid' });

    const dates = {
      anyOf: [
        { type: 'string', format: 'date-time' },
        { type: 'string', format: 'date' },
      ],
    };
    for (const [path, limit] of [
      ['/leads', { type: 'integer', minimum: 1, maximum: 500, default: 100 }],
      ['/leads.csv', { type: 'integer', minimum: 1, maximum: 25_000, default: 5000 }],
      ['/scrapers/runs', { type: 'integer', minimum: 1, maximum: 500, default: 100 }],
    ] as const) {
      expect(schemasOf('ai93', path)).toMatchObject({ limit, since: dates });
    }
  });

  test('to connect a service is what the fields of each vendor say', () => {
    const { document, faults } = documentOf('eal');
    for (const part of ['settings', 'secrets'] as const) {
      const variants = document.components.schemas.ConnectorsSaveRequest?.properties?.[part]?.anyOf ?? [];
      expect(variants.map(({ title }) => title)).toEqual(connectors.map(({ manifest }) => manifest.title));
      for (const [index, { manifest }] of connectors.entries()) {
        const fields = manifest.fields.filter(({ secret }) => (secret === true) === (part === 'secrets'));
        expect(Object.entries(variants[index]?.properties ?? {}).map(([name, one]) => [name, one.description])).toEqual(
          fields.map(({ name, label, help }) => [name, `${label}. ${help}`]),
        );
      }
    }
    const pointer = ['components', 'schemas', 'ConnectorsSaveRequest'];
    expect(faults(pointer, { settings: { page_ids: ['1'] }, secrets: { app_secret: '0123456789' } })).toEqual([]);
    // what is not required goes by null; what is there already may be left out
    expect(faults(pointer, { settings: { page_ids: null }, secrets: { status_callback: null } })).toEqual([]);
    expect(faults(pointer, { enabled: false })).toEqual([]);
    expect(faults(pointer, { secrets: { app_secret: null } })).not.toEqual([]);
    expect(faults(pointer, { settings: { account_sid: null } })).not.toEqual([]);
    expect(faults(pointer, { settings: { page_ids: 'x' } })).not.toEqual([]);
    expect(faults(pointer, { secrets: { app_secret: 'short' } })).not.toEqual([]);
  });

  test('follows the rule of a new lead', () => {
    const pointer = ['components', 'schemas', 'LeadsCreateRequest'];
    const faults = (name: string, lead: object) => documentOf(name).faults(pointer, lead);
    expect(faults('eal', { email: 'a@example.com' })).toEqual([]);
    expect(faults('eal', { name: 'A', company: 'B' })).toEqual([]);
    expect(faults('eal', { name: 'A' })).not.toEqual([]);
    expect(faults('eal', { email: null })).not.toEqual([]);
    expect(faults('eal', { email: 'a@example.com', colour: 'red' })).not.toEqual([]);

    for (const who of [
      { displayName: 'A' },
      { email: 'a@b.co' },
      { phone: '+15555551234' },
      { handle: 'u/a' },
      { company: 'B' },
    ]) {
      expect(faults('ai93', { source: 'manual', ...who })).toEqual([]);
      expect(faults('ai93', who)).not.toEqual([]);
      expect(faults('ai93', { source: 'twitter', ...who })).not.toEqual([]);
    }
    expect(faults('ai93', { source: 'manual' })).not.toEqual([]);
    expect(faults('ai93', { source: 'manual', email: null })).not.toEqual([]);
  });

  test('may name a business out of reach: 404 is documented wherever it can', () => {
    const { named } = documentOf('ai93');
    const without = named.filter(([, { operation }]) => !('404' in operation.responses)).map(([id]) => id);
    expect(without).toEqual(['sources.list', 'health.get']);
  });
});
