-- The AI93 contract: workspaces, searching and looking up leads, replies, and events about one column.

alter table app.outbox add column changed text[] not null default '{}';

alter table app.api_keys add column reach text not null default 'organization';
alter table app.api_keys add constraint api_keys_reach check (reach = 'organization' or reach = 'workspace' and contract = 'ai93');
drop function app.authenticate(bytea);
drop function app.create_key(text, text, text, bytea, text, text[], timestamptz, uuid);

alter table app.event_types add column changed text[], add column condition jsonpath;
alter table app.webhook_endpoints add column reach text not null default 'organization';
alter table app.webhook_endpoints add constraint webhook_endpoints_reach check (reach = 'organization' or reach = 'workspace' and contract = 'ai93');
drop function app.register_webhook(text, text, text[], text, interval[], uuid, bytea, text);

alter table app.leads
  add column external_id   text,
  add column last_reply_at timestamptz(3),
  add column reply_count   integer not null default 0,
  add column workspace_id  uuid,
  add column email_key     text,
  add column phone_key     text,
  add column search_text   text not null default '',
  add constraint leads_target_type check (length(target_type) between 1 and 100),
  add constraint leads_external_id check (external_id is null or length(external_id) between 1 and 255 and source is not null),
  add constraint leads_handoff     check (length(handoff_destination) between 1 and 200 and (handoff_metadata is null or jsonb_typeof(handoff_metadata) = 'object'));

-- Filling in what is derived is no change of a lead: nothing is recorded or announced. (The expressions are those of
-- app.phone_key and app.fold as this release has them.)
alter table app.leads disable trigger user;
update app.leads as l
   set workspace_id = d.workspace_id,
       email_key    = lower(l.email),
       phone_key    = d.phone_key,
       search_text  = translate(
         casefold(regexp_replace(normalize(regexp_replace(concat_ws(' ', '', l.name, l.handle, l.company, l.email, d.phone_key, l.notes), '\s+', ' ', 'g'), NFKD),
                              '[\u0300-\u036f]', '', 'g') collate pg_catalog.pg_unicode_fast),
         'øłđħıð', 'oldhid')
  from (select x.organization_id, x.id, coalesce(o.parent_organization_id, o.id) as workspace_id,
               case when n.digits = ''                 then null
                    when x.phone ~ '^\s*\+'            then n.digits
                    when n.digits ~ '^00[1-9]\d{7,}$'  then substr(n.digits, 3)
                    when n.digits ~ '^011[1-9]\d{7,}$' then substr(n.digits, 4)
                    when n.digits ~ '^[2-9]\d{9}$'     then '1' || n.digits
                    else n.digits end as phone_key
          from app.leads as x
          join app.organizations as o on o.id = x.organization_id
         cross join lateral (select regexp_replace(x.phone, '\D', '', 'g') as digits) as n) as d
 where d.organization_id = l.organization_id and d.id = l.id;
alter table app.leads enable trigger user;
alter table app.leads alter column workspace_id set not null;

-- their columns change; the files make them anew
drop index app.leads_by_email, app.leads_by_phone;
