import { type OperationNodeSource, type RawBuilder, sql } from 'kysely';
import { db } from '../../database/kysely.ts';
import { type Compilable, raw } from '../../database/page.ts';

type Given = (name: string) => boolean;
type Value = <T = string>(name: string) => T;

/** The kind of target that most leads are; sql/20_leads.sql has an index of all others. */
export const USUAL_TYPE = 'customer_lead';

/** Labels of a comma-separated text. */
const tagsOf = (value: Value) =>
  sql`array(select btrim(tag) from unnest(string_to_array(${value('tag')}::text, ',')) as tag where btrim(tag) <> '')`;

/**
 * Rows of the one business that is asked for. The first condition has no row in it, so it is asked once before any is read:
 * a business out of reach is 404 also where there is nothing to read. The second finds the rows, by an index.
 */
export const ofBusiness = (typeId: RawBuilder<string>) => {
  const business = sql<string>`app.business(app.typeid_uuid('biz', ${typeId}))`;
  return sql<boolean>`${business} is not null and row.organization_id = (select ${business})`;
};

/**
 * The newest leads that the filters leave, as rows named `row`. Words and tags are searched for by app.find_leads, as no index
 * serves them under a policy; everything else is a condition that an index serves for whoever reads.
 *
 * Inputs: q, tag, stage, source, target_type, other_type (given, when that is not the usual one), since, business, limit.
 */
export function filteredLeads(given: Given, value: Value): Compilable & OperationNodeSource {
  const optional = (name: string, type: string) =>
    given(name) ? sql`${value(name)}::${sql.raw(type)}` : sql`null::${sql.raw(type)}`;
  if (given('q') || given('tag')) {
    return raw`
      select row.* from app.find_leads(${optional('q', 'text')}, ${given('tag') ? tagsOf(value) : sql`null::text[]`}, ${optional('stage', 'text')},
                                       ${optional('source', 'text')}, ${optional('target_type', 'text')}, ${optional('since', 'timestamptz')},
                                       app.typeid_uuid('biz', ${optional('business', 'text')}), ${value<number>('limit')}::integer) as row`;
  }
  return (
    db
      .selectFrom('app.leads as row')
      .$if(given('stage'), (q) => q.where('row.pipeline_stage', '=', value('stage')))
      .$if(given('source'), (q) => q.where('row.source', '=', value('source')))
      .$if(given('target_type'), (q) => q.where('row.target_type', '=', value('target_type')))
      // said in the text of the statement, or the planner does not know that the index of these holds all that are wanted
      .$if(given('other_type'), (q) => q.where(sql<boolean>`row.target_type <> ${sql.lit(USUAL_TYPE)}`))
      .$if(given('since'), (q) => q.where('row.created_at', '>=', sql<Date>`${value('since')}::timestamptz`))
      .$if(given('business'), (q) => q.where(ofBusiness(sql`${value('business')}`)))
      .selectAll('row')
      .orderBy('row.created_at', 'desc')
      .orderBy('row.id', 'desc')
      .limit(sql<number>`${value<number>('limit')}::integer`)
  );
}
