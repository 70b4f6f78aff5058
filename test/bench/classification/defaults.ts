import type { Rule } from './rule.ts';

export interface Word {
  term: string;
  /** by column of app.classification_words */
  weights: Record<string, number>;
}

const COLUMNS = [
  'water',
  'fire',
  'mold',
  'biohazard',
  'sales_pitch',
  'wrong_number',
  'other',
  'high',
  'medium',
  'low',
  'qualified',
];

const literal = (text: string | null | undefined): string =>
  text == null ? 'null' : `'${text.replaceAll("'", "''")}'`;

/** The file that gives organizations the rules they start with, and the words. */
export function defaultsFile(rules: Rule[], words: Word[], measured: string): string {
  const ruleRows = rules.map(
    (rule) =>
      `      (${[literal(rule.label), literal(rule.subject), literal(rule.value), literal(rule.terms), literal(rule.predicate), (rule.weight ?? 0).toFixed(2)].join(', ')})`,
  );
  const wordRows = words.map(
    ({ term, weights }) => `  (${literal(term)}, ${COLUMNS.map((column) => tidy(weights[column] ?? 0)).join(', ')})`,
  );
  return `-- Made by \`npm run classify:fit\` from test/bench/classification and test/bench/transcripts: edit those, not this.
-- ${measured}

-- The classification rules an organization starts with. They are its own from then on. "<->" is next to, "<3>" three words on.
create or replace function app.default_classification_rules()
returns table (label text, subject text, value text, terms tsquery, predicate jsonpath, weight numeric)
language sql stable
set search_path = ''
as $$
  select r.label, r.subject, r.value, to_tsquery('app.spoken', r.terms), r.predicate::jsonpath, r.weight::numeric
    from (values
${ruleRows.join(',\n')}
    ) as r (label, subject, value, terms, predicate, weight)
$$;

comment on function app.default_classification_rules is 'The classification rules an organization starts with.';

create or replace function app.add_default_classification_rules() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  insert into app.classification_rules (organization_id, label, subject, value, terms, predicate, weight)
  select new.id, d.label, d.subject, d.value, d.terms, d.predicate, d.weight from app.default_classification_rules() as d;
  return null;
end
$$;

comment on function app.add_default_classification_rules is 'Trigger: gives a new organization the classification rules it starts with.';

create or replace trigger _600_default_classification_rules after insert on app.organizations
  for each row execute function app.add_default_classification_rules();

-- Organizations that are older than classification get them too, unless they have removed theirs. That is no change of their own.
do $$
declare
  without uuid[] := array(
    select o.id from app.organizations as o
     where not exists (select from app.classification_rules as r where r.organization_id = o.id)
       and not exists (select from audit.platform_events as e
                        where e.organization_id = o.id and e.action = 'classification_rule.deleted'));
begin
  if cardinality(without) > 0 then
    alter table app.classification_rules disable trigger user;
    insert into app.classification_rules (organization_id, label, subject, value, terms, predicate, weight)
    select o.id, d.label, d.subject, d.value, d.terms, d.predicate, d.weight
      from unnest(without) as o (id) cross join app.default_classification_rules() as d;
    alter table app.classification_rules enable trigger user;
  end if;
end
$$;

delete from app.classification_words;
insert into app.classification_words (term, ${COLUMNS.join(', ')}) values
${wordRows.join(',\n')};
`;
}

/** Three decimals, without those that say nothing. */
const tidy = (weight: number): string => String(Number(weight.toFixed(3)) || 0);
