import { type SelectQueryBuilder, sql } from 'kysely';
import type { Cursor } from '../domain/fields.ts';
import { db } from './kysely.ts';
import type { Statement } from './transaction.ts';

/** A compiled statement for pg. */
export function compile(query: { compile(): { sql: string; parameters: readonly unknown[] } }): Statement {
  const { sql: text, parameters } = query.compile();
  return { text, values: parameters as unknown[] };
}

/** A statement from a template: statement`select … ${value}`. */
export function statement(strings: TemplateStringsArray, ...values: unknown[]): Statement {
  return compile({ compile: () => sql(strings, ...values).compile(db) });
}

// biome-ignore lint/suspicious/noExplicitAny: the row type of the query is of no interest here
type AnyQuery = SelectQueryBuilder<any, any, any>;

/**
 * A keyset page, newest first, written by the database as one JSON text: {"data":[…],"next_cursor":…}.
 *
 * The query selects from one table under the alias `row`, which has an id and the time it is sorted by; `shape` is the
 * function that turns a row into JSON. One row more than `limit` is read, to know whether there is a next page; the cursor
 * is that of the last row shown. A page deep in the list costs what the first does: the cursor is a condition on the index.
 */
export function keysetPage(
  query: AnyQuery,
  options: { limit: number; cursor?: Cursor; shape: string; time?: string },
): Statement {
  const { limit, cursor } = options;
  const time = sql.ref(`row.${options.time ?? 'created_at'}`);
  const shape = sql.raw(options.shape);
  const rows = query
    .$if(cursor !== undefined, (q) =>
      q.where(sql<boolean>`(${time}, row.id) < (${cursor?.createdAt}::timestamptz, ${cursor?.id}::uuid)`),
    )
    .select([
      sql`${shape}(row)::text`.as('json'),
      sql`${time}`.as('at'),
      'row.id',
      sql`row_number() over (order by ${time} desc, row.id desc)`.as('position'),
    ])
    .orderBy(time, 'desc')
    .orderBy('row.id', 'desc')
    .limit(sql<number>`${limit + 1}::integer`);
  return statement`
    select '{"data":[' || coalesce(string_agg(page.json, ',' order by page.position) filter (where page.position <= ${limit}::integer), '')
           || '],"next_cursor":'
           || case when count(*) > ${limit}::integer
                   then '"' || max(app.cursor(page.at, page.id)) filter (where page.position = ${limit}::integer) || '"'
                   else 'null' end
           || '}' as body
      from (${rows}) as page`;
}
