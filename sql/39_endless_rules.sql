-- Rules that do not come to an end. Rules are an organization's own, and one may go back and forth over a text for ever: it would hold up
-- every lead, or every call. When a statement ran into its time-out, whoever made it asks here which rule that was, in a statement of its
-- own with a shorter time-out: the rules are asked one after the other, and the one at which that strikes after it took at least half of
-- it is switched off.

-- Of scoring. Returns the label of the rule; null: all of them ended.
create or replace function app.switch_off_endless_scoring_rule(lead_id uuid) returns text
language plpgsql security definer
set search_path = ''
as $$
declare
  organization constant uuid     := private.writable('organizations', 'admin');
  patience     constant interval := current_setting('statement_timeout')::interval;
  scored       app.leads;
  document     jsonb;
  rule         record;
  asked        uuid;
  since        timestamptz;
begin
  select l.* into scored from app.leads as l where l.organization_id = organization and l.id = lead_id;
  document := private.lead_document(scored);
  for rule in
    select r.id, r.predicate from app.scoring_rules as r where r.organization_id = organization and r.enabled
  loop
    asked := rule.id;
    since := clock_timestamp();
    perform private.finds(document, rule.predicate);
  end loop;
  return null;
exception when query_canceled then
  if asked is null or clock_timestamp() - since < greatest(patience / 2, interval '10 milliseconds') then
    raise;
  end if;
  -- who is changing it is not waited for, as no time-out ends this any more
  perform from app.scoring_rules as r where r.organization_id = organization and r.id = asked and r.enabled for update skip locked;
  if not found then
    return null;
  end if;
  update app.scoring_rules as r
     set enabled = false,
         disabled_reason = format('It did not come to an end within %s for the lead %s. Change it, then enable it again.',
                                  current_setting('statement_timeout'), lead_id)
   where r.organization_id = organization and r.id = asked
  returning r.label into rule;
  return rule.label;
end
$$;

comment on function app.switch_off_endless_scoring_rule is 'Switches off the rule at which the scoring of a lead does not come to an end within the statement''s time-out; returns its label, or null.';

-- Of classification, likewise.
create or replace function app.switch_off_endless_classification_rule(call_id uuid) returns text
language plpgsql security definer
set search_path = ''
as $$
declare
  organization constant uuid     := private.writable('organizations', 'admin');
  patience     constant interval := current_setting('statement_timeout')::interval;
  call         app.calls;
  words        tsvector;
  facts        jsonb;
  rule         record;
  asked        uuid;
  since        timestamptz;
begin
  select c.* into call from app.calls as c where c.organization_id = organization and c.id = call_id;
  words := app.said(call.transcript);
  facts := app.call_facts(call);
  for rule in
    select r.id, r.terms, r.predicate from app.classification_rules as r where r.organization_id = organization and r.enabled
  loop
    asked := rule.id;
    since := clock_timestamp();
    perform where (rule.terms is null or words @@ rule.terms)
              and (rule.predicate is null or jsonb_path_exists(facts, rule.predicate, silent => true));
  end loop;
  return null;
exception when query_canceled then
  if asked is null or clock_timestamp() - since < greatest(patience / 2, interval '10 milliseconds') then
    raise;
  end if;
  -- who is changing it is not waited for, as no time-out ends this any more
  perform from app.classification_rules as r where r.organization_id = organization and r.id = asked and r.enabled for update skip locked;
  if not found then
    return null;
  end if;
  update app.classification_rules as r
     set enabled = false,
         disabled_reason = format('It did not come to an end within %s for the call %s. Change it, then enable it again.',
                                  current_setting('statement_timeout'), app.typeid('call', call_id))
   where r.organization_id = organization and r.id = asked
  returning r.label into rule;
  return rule.label;
end
$$;

comment on function app.switch_off_endless_classification_rule is 'Switches off the rule at which the classification of a call does not come to an end within the statement''s time-out; returns its label, or null.';

grant execute on function app.switch_off_endless_scoring_rule, app.switch_off_endless_classification_rule to tenant;
