-- Importing leads in bulk: a batch of rows at a time, each of which finds or makes its lead, or is rejected with the reason. A run
-- (app.scraper_runs) says how far it got.

-- Which constraint each of the leads would break by itself ("field: reason"), or null: the table's own constraints, evaluated
-- without an insert, so that a row that cannot be a lead costs no savepoint. A lead that its external_id may find needs no name.
create or replace function private.lead_refusals(leads app.leads[]) returns text[]
language plpgsql stable
set search_path = ''
as $$
declare
  cases   text;
  refused text[];
begin
  select string_agg(format('when (%s) is false %s then %L', pg_get_expr(c.conbin, c.conrelid),
                           case when c.conname = 'leads_identifiable' then 'and external_id is null' else '' end,
                           obj_description(c.oid, 'pg_constraint')), ' ' order by c.conkey[1], c.conname)
    into cases
    from pg_constraint as c
   where c.conrelid = 'app.leads'::regclass and c.contype = 'c';
  execute format('select array_agg(case %s end order by ordinality) from unnest($1) with ordinality', cases) into refused using leads;
  return refused;
end
$$;

comment on function private.lead_refusals is 'For each lead the constraint that it would break ("field: reason"), or null.';

-- Which leads of a batch share what tells leads apart with another one of it: they must be placed one after the other.
create or replace function private.crowded(brought app.leads[]) returns boolean[]
language sql immutable
begin atomic
  with told as (
    select l.ordinality as position, c.clue
      from unnest(brought) with ordinality as l
     cross join lateral (values ('id ' || l.source || ' ' || l.external_id), ('email ' || lower(l.email)), ('phone ' || app.phone_key(l.phone))) as c (clue)
  ), shared as (
    select t.position from (select position, count(*) over (partition by clue) as leads from told where clue is not null) as t where t.leads > 1
  )
  select array_agg(p.position in (select position from shared) order by p.position)
    from generate_series(1, cardinality(brought)) as p (position);
end;

comment on function private.crowded is 'Which leads of a batch share an id, email address or phone number with another one of it.';

-- Imports the next leads of a run. What it did and how far the run got are one transaction, so no crash loses or doubles a row.
--   run_id     the run, which is under way
--   first_row  rows of the run before these; 409 when that is not how far the run got, as another process goes on with it
--   leads      up to some 1,000 objects, each with fields of private.lead_fields()
--   unreadable rows among these that the reader could not make leads of: they count as rejected
--   whole      imports all or nothing: raises 400 when one of them would be rejected
--   trial      does not keep other imports waiting; the caller rolls it back
-- Returns a row for each lead, in their order: created | updated | unchanged | rejected, with the field and the reason. A rejected
-- one leaves the others alone. Raises 403 without the scope leads.write.
create or replace function app.import_leads(
  run_id uuid, first_row bigint, leads jsonb, unreadable integer default 0, whole boolean default false, trial boolean default false
) returns table (outcome text, lead_id uuid, field text, reason text)
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  own      constant uuid := private.writable('leads');
  done     bigint;
  brought  app.leads[];
  reasons  text[];
  crowded  boolean[];
  known    uuid[];
  made     uuid[];
  ids      uuid[];
  outcomes text[];
  placed   record;
  broken   text;
  said     text;
begin
  select r.rows_done into done from app.scraper_runs as r
   where r.organization_id = own and r.id = run_id and r.status = 'running' for update;
  if done is null then
    perform app.fail(404, 'not_found', 'No such run is under way.');
  elsif done <> first_row then
    perform app.fail(409, 'conflict', format('The run got to row %s, not %s: another process goes on with it.', done, first_row));
  end if;
  -- A plan that was made while the table was small takes any index for a good one, and is kept for thousands of rows.
  discard plans;
  if not trial then
    perform private.alone_with_leads(own);
  end if;

  select array_agg(m.misfit order by e.position),
         array_agg(case when m.misfit is null then private.brought_lead(e.fields) end order by e.position)
    into reasons, brought
    from jsonb_array_elements(leads) with ordinality as e (fields, position)
   cross join lateral (select private.lead_misfit(e.fields) as misfit offset 0) as m;
  select array_agg(coalesce(r.misfit, r.refusal) order by r.position)
    into reasons
    from unnest(reasons, private.lead_refusals(brought)) with ordinality as r (misfit, refusal, position);
  if whole and (unreadable > 0 or array_remove(reasons, null) <> '{}') then
    perform app.fail(400, 'rows_rejected', 'A row would be rejected.');
  end if;

  begin
    crowded := private.crowded(brought);
    ids     := array_fill(null::uuid, array[jsonb_array_length(leads)]);
    for i in 1 .. jsonb_array_length(leads) loop
      if reasons[i] is null and not crowded[i] then
        known[i] := private.known_lead(own, brought[i]);
        ids[i]   := case when known[i] is null then uuidv7() end;
      end if;
    end loop;
    made := private.make_leads(own, brought, ids);
    ids  := array(select m.id from unnest(ids) with ordinality as n (id, position) left join unnest(made) as m (id) on m.id = n.id order by n.position);
    for i in 1 .. jsonb_array_length(leads) loop
      if ids[i] is not null then
        outcomes[i] := 'created';
      elsif reasons[i] is null then
        placed := private.place_lead(own, brought[i], known[i]);
        ids[i] := placed.lead_id;
        outcomes[i] := placed.outcome;
      end if;
    end loop;
  exception when integrity_constraint_violation or data_exception or program_limit_exceeded then
    -- What no row tells by itself (100 tags together with those that the lead has, a tag too long for the index …) is rare: only then
    -- is each row tried apart.
    if whole then
      if sqlstate = '54000' then
        perform app.fail(400, 'rows_rejected', 'A row would be rejected.');
      end if;
      raise;
    end if;
    ids := null;
    outcomes := null;
    for i in 1 .. jsonb_array_length(leads) loop
      if reasons[i] is null then
        begin
          placed := private.place_lead(own, brought[i]);
          ids[i] := placed.lead_id;
          outcomes[i] := placed.outcome;
        exception when integrity_constraint_violation or data_exception or program_limit_exceeded then
          get stacked diagnostics broken = constraint_name, said = message_text;
          ids[i] := null;
          outcomes[i] := null;
          reasons[i] := coalesce((select obj_description(c.oid, 'pg_constraint') from pg_constraint as c
                                   where c.conrelid = 'app.leads'::regclass and c.conname = broken), 'lead: ' || said);
        end;
      end if;
    end loop;
  end;

  update app.scraper_runs as r
     set leads_found    = r.leads_found    + jsonb_array_length(leads) + unreadable,
         leads_created  = r.leads_created  + coalesce(cardinality(array_positions(outcomes, 'created')), 0),
         leads_updated  = r.leads_updated  + coalesce(cardinality(array_positions(outcomes, 'updated')), 0),
         leads_rejected = r.leads_rejected + jsonb_array_length(leads) - coalesce(cardinality(array_remove(outcomes, null)), 0) + unreadable,
         rows_done      = r.rows_done      + jsonb_array_length(leads) + unreadable
   where r.organization_id = own and r.id = run_id;

  return query
    select coalesce(outcomes[i], 'rejected'), ids[i], split_part(reasons[i], ': ', 1), substr(reasons[i], strpos(reasons[i], ': ') + 2)
      from generate_series(1, jsonb_array_length(leads)) as i;
end
$$;

comment on function app.import_leads is 'Imports the next rows of a run; says of each what came of it, and how far the run got, in one transaction.';

grant execute on function app.import_leads to tenant;

-- An import that was killed says nothing of it. One that got no further for so long is noted as failed, so that the log does not call
-- it running for ever; --resume goes on with it all the same. Runs of others are theirs to end. Returns how many there were.
create or replace function app.note_stopped_imports(patience interval default '15 minutes') returns bigint
language sql security definer
set search_path = ''
as $$
  with stopped as (
    update app.scraper_runs as r
       set status = 'failed',
           error  = format('It stopped after %s of %s rows; the same import with --resume goes on from there.', r.rows_done, r.details ->> 'rows')
     where r.status = 'running' and r.details ? 'sha256' and r.updated_at < now() - patience
    returning 1
  )
  select count(*) from stopped
$$;

comment on function app.note_stopped_imports is 'Notes imports that got no further for some time as failed; returns how many. They can be gone on with.';

grant execute on function app.note_stopped_imports to worker;
