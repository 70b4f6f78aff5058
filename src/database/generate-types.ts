import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';

/** Where the generated types live; test/sql keeps them from growing stale. */
export const GENERATED_FILE: string = join(import.meta.dirname, 'types.generated.ts');

const TYPES: Record<string, string> = {
  uuid: 'string',
  text: 'string',
  name: 'string',
  jsonb: 'unknown',
  jsonpath: 'string',
  bytea: 'Buffer',
  boolean: 'boolean',
  integer: 'number',
  smallint: 'number',
  bigint: 'string',
  numeric: 'string',
  'text[]': 'string[]',
  'interval[]': 'string[]',
};

const typeOf = (type: string): string =>
  TYPES[type.replace(/\(.*?\)/, '')] ?? (type.startsWith('timestamp') ? 'Date' : 'unknown');

/** TypeScript types of the tables that statements are written against, read from the catalogue. */
export async function generateTypes(client: pg.Pool | pg.Client): Promise<string> {
  const { rows } = await client.query<{ table: string; column: string; type: string; nullable: boolean }>(`
    select n.nspname || '.' || c.relname as table, a.attname as column, format_type(a.atttypid, a.atttypmod) as type, not a.attnotnull as nullable
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where n.nspname in ('app', 'audit') and c.relkind in ('r', 'p') and not c.relispartition
     order by 1, a.attnum`);
  const tables = Map.groupBy(rows, (row) => row.table);
  const body = [...tables].map(
    ([table, columns]) =>
      `  '${table}': {\n${columns.map((c) => `    ${c.column}: ${typeOf(c.type)}${c.nullable ? ' | null' : ''};\n`).join('')}  };\n`,
  );
  return `// Generated from the catalogue by \`npm run generate\`; a test fails when it is stale.\n\nexport interface Database {\n${body.join('')}}\n`;
}

/** Writes the types of the given database. */
export async function writeTypes(client: pg.Pool | pg.Client): Promise<void> {
  writeFileSync(GENERATED_FILE, await generateTypes(client));
}
