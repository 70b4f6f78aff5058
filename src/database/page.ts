import { type CompiledQuery, type OperationNodeSource, type SelectQueryBuilder, sql } from 'kysely';
import { db } from './kysely.ts';
import type { Statement } from './transaction.ts';

export interface Compilable {
  compile(): Pick<CompiledQuery, 'sql' | 'parameters'>;
}

/** A compiled statement for pg. */
export function compile(query: Compilable): Statement {
  const { sql: text, parameters } = query.compile();
  return { text, values: parameters as unknown[] };
}

/** A query from a template: to be compiled, or to stand in another. */
export function raw(strings: TemplateStringsArray, ...values: unknown[]): Compilable & OperationNodeSource {
  const query = sql(strings, ...values);
  return { compile: () => query.compile(db), toOperationNode: () => query.toOperationNode() };
}

/** A statement from a template: statement`select … ${value}`. */
export const statement = (strings: TemplateStringsArray, ...values: unknown[]): Statement =>
  compile(raw(strings, ...values));

// biome-ignore lint/suspicious/noExplicitAny: the row type of the query is of no interest here
type AnyQuery = SelectQueryBuilder<any, any, any>;

export interface Page {
  limit: number;
  /** the cursor's two parts; absent: the first page */
  after?: { createdAt: string; id: string };
  /** function that turns a row into JSON */
  shape: string;
  /** column the list is sorted by */
  time?: string;
}

/**
 * A keyset page, newest first, written by the database as one JSON text: {"data":[…],"next_cursor":…}.
 *
 * The query selects from one table under the alias `row`, which has an id and the time it is sorted by. One row more than
 * `limit` is read, to know whether there is a next page; the cursor is that of the last row shown. A page deep in the list
 * costs what the first does: the cursor is a condition on the index.
 */
export function keysetPage(
  query: AnyQuery,
  { limit, after, shape, time = 'created_at' }: Page,
): Compilable & OperationNodeSource {
  const at = sql.ref(`row.${time}`);
  const rows = query
    .$if(after !== undefined, (q) =>
      q.where(sql<boolean>`(${at}, row.id) < (${after?.createdAt}::timestamptz, ${after?.id}::uuid)`),
    )
    .select([
      sql`${sql.raw(shape)}(row)::text`.as('json'),
      sql`${at}`.as('at'),
      'row.id',
      sql`row_number() over (order by ${at} desc, row.id desc)`.as('position'),
    ])
    .orderBy(at, 'desc')
    .orderBy('row.id', 'desc')
    .limit(sql<number>`${limit}::integer + 1`);
  // the rows come sorted, so the aggregate needs no order of its own
  return raw`
    select '{"data":[' || coalesce(string_agg(page.json, ',') filter (where page.position <= ${limit}::integer), '')
           || '],"next_cursor":'
           || case when count(*) > ${limit}::integer
                   then '"' || max(app.cursor(page.at, page.id)) filter (where page.position = ${limit}::integer) || '"'
                   else 'null' end
           || '}' as body
      from (${rows}) as page`;
}
