import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MASKED } from '../../connectors/manifest.ts';
import { connectors } from '../../connectors/registry.ts';
import type { ConformanceCase } from './case.ts';
import { CASES } from './cases.ts';

// What every manifest must say, and what follows from it.

const SERVICE = 'http://127.0.0.1:9/api';

describe.each(connectors.map((connector) => [connector.manifest.vendor, connector] as const))(
  '%s',
  (vendor, connector) => {
    const own = CASES[vendor] as ConformanceCase;
    const { manifest, configuration } = connector;

    test('says of every field what it is and where to find it', () => {
      expect(vendor).toMatch(/^[a-z][a-z0-9-]*$/);
      for (const field of manifest.fields) {
        expect(field.name).toMatch(/^[a-z][a-z0-9_]*$/);
        expect(field.label).toMatch(/^[A-Z].*[^.]$/);
        expect(field.help).toMatch(/^\S.+\.$/);
      }
    });

    test('accepts a working configuration, and its own defaults', () => {
      const config = configuration.schema.parse({ ...own.settings(SERVICE), ...own.secrets });
      for (const { name, default: standard } of manifest.fields)
        if (standard !== undefined) expect(config).toHaveProperty(name);
      expect(() => configuration.settings.parse(own.settings(SERVICE))).not.toThrow();
    });

    test('names the field and the reason of what it refuses', () => {
      for (const { name, required, kind } of manifest.fields) {
        const wrong = { ...own.settings(SERVICE), ...own.secrets, [name]: { a: { b: 1 } } };
        const [issue] = configuration.schema.safeParse(wrong).error?.issues ?? [];
        expect(issue?.path[0], kind).toBe(name);
        expect(issue?.message).toMatch(/^(must|is) /);
        if (!required) continue;
        const { [name]: _left, ...without } = { ...own.settings(SERVICE), ...own.secrets } as Record<string, unknown>;
        expect(configuration.schema.safeParse(without).error?.issues[0]).toMatchObject({
          path: [name],
          message: 'is required',
        });
      }
      expect(configuration.schema.safeParse({ ...own.secrets, shoe_size: 1 }).success).toBe(false);
    });

    test('shows no credential, only whether it is set', () => {
      const set = configuration.secretNames;
      const shown = configuration.mask(own.settings(SERVICE), set);
      for (const name of set) expect(shown[name]).toBe(MASKED);
      for (const name of set) expect(configuration.mask({}, [])[name]).toBeNull();
      for (const secret of Object.values(own.secrets)) expect(JSON.stringify(shown)).not.toContain(secret);
      expect(Object.keys(own.secrets).toSorted()).toEqual(set.toSorted());
      expect(configuration.settings.safeParse(own.secrets).success).toBe(set.length === 0);
    });

    test('is documented in its folder as it is', () => {
      const readme = readFileSync(join(import.meta.dirname, '../../connectors', vendor, 'README.md'), 'utf8');
      expect(readme).toContain(configuration.docs());
    });
  },
);
