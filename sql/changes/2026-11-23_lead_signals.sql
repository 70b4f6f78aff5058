-- Signals of leads: outcomes by source, and default rules that read them.

-- What the triggers count from now on, counted once.
create table app.source_outcomes (
  organization_id uuid   not null,
  source          text   not null,
  won             bigint not null default 0,
  lost            bigint not null default 0,
  total           bigint not null generated always as (won + lost) stored,
  constraint source_outcomes_pkey primary key (organization_id, source),
  constraint source_outcomes_organization_fkey foreign key (organization_id) references app.organizations (id) on delete cascade
);

insert into app.source_outcomes (organization_id, source, won, lost)
select l.organization_id, l.source, count(*) filter (where l.pipeline_stage = 'won'), count(*) filter (where l.pipeline_stage = 'lost')
  from app.leads as l
 where l.source is not null and l.pipeline_stage in ('won', 'lost')
 group by l.organization_id, l.source;

-- The default rules as this release has them; the files make the same again.
create function private.default_scoring_rules() returns table (label text, predicate jsonpath, weight numeric)
language sql immutable
set search_path = ''
as $$
  select label, predicate::jsonpath, weight
    from (values
      ('In the service area',                    '$.signals.in_service_area ? (@ == true)',               0.18),
      ('Outside of the service area',            '$.signals.in_service_area ? (@ == false)',             -0.30),
      ('Needs it now',                           '$.timeline ? (@ like_regex "now|today|asap|immediate|urgent|emergency|this[_ ]week|24" flag "i")', 0.15),
      ('Urgent problem',                         '$.signals.urgent ? (@ == true)',                        0.15),
      ('Replied',                                '$.pipeline_stage ? (@ == "replied" || @ == "qualified")', 0.15),
      ('Phone validated',                        '$.signals.phone_valid ? (@ == true)',                   0.10),
      ('Phone number that cannot exist',         '$.signals.phone_valid ? (@ == false)',                 -0.10),
      ('Repeat caller',                          '$.signals.repeat_caller ? (@ == true)',                 0.10),
      ('Source that converts well',              '$.signals.source_lift ? (@ >= 1.25)',                   0.10),
      ('Source that seldom converts',            '$.signals.source_lift ? (@ <= 0.5)',                   -0.10),
      ('Came by referral',                       '$.source ? (@ like_regex "referral|partner" flag "i")', 0.10),
      ('Fast form completion',                   '$.signals.form_seconds ? (@ >= 3 && @ <= 90)',          0.08),
      ('Form filled in faster than people type', '$.signals.form_seconds ? (@ < 3)',                     -0.20),
      ('Complete details',                       '$.signals.completeness ? (@ >= 0.7)',                   0.08),
      ('Budget named',                           '$.budget_range ? (@ != null)',                          0.07),
      ('Email address validated',                '$.signals.email_valid ? (@ == true)',                   0.05),
      ('Business email',                         '$.signals.email_kind ? (@ == "business")',              0.05),
      ('Disposable email address',               '$.signals.email_kind ? (@ == "disposable")',           -0.40),
      ('Email address that cannot exist',        '$.signals.email_kind ? (@ == "impossible")',           -0.10),
      ('Mistyped email address',                 '$.signals.email_kind ? (@ == "mistyped")',             -0.05),
      ('Describes the problem',                  '$.pain_points ? (@ like_regex "\\S")',                  0.05)
    ) as defaults (label, predicate, weight)
$$;

-- An organization whose rules are those it was given, none changed, added or removed, gets the new ones instead: a change like any other,
-- so it is recorded. Who has touched a rule keeps all of them.
with given (label, predicate, weight) as (
  values
      ('Needs it now',                     '$.timeline ? (@ like_regex "now|today|asap|immediate|urgent|emergency|this[_ ]week|24" flag "i")', 0.20),
      ('Describes an urgent problem',      '$.pain_points ? (@ like_regex "leak|flood|burst|fire|smoke|mold|water|storm|sewage|emergency|damage" flag "i")', 0.20),
      ('Describes the problem',            '$.pain_points ? (@ like_regex "\\S" && !(@ like_regex "leak|flood|burst|fire|smoke|mold|water|storm|sewage|emergency|damage" flag "i"))', 0.08),
      ('Can be phoned',                    '$.phone ? (@ != null)', 0.15),
      ('Email given',                      '$.email ? (@ != null)', 0.10),
      ('Business email',                   '$.email ? (!(@ like_regex "@(gmail|googlemail|yahoo|outlook|hotmail|live|icloud|aol|proton|protonmail|gmx|mail)\\." flag "i"))', 0.05),
      ('Disposable email',                 '$.email ? (@ like_regex "@(mailinator|guerrillamail|10minutemail|tempmail|trashmail|yopmail)\\." flag "i")', -0.40),
      ('Full name given',                  '$.name ? (@ like_regex "\\S+\\s+\\S+")', 0.05),
      ('Company named',                    '$.company ? (@ != null)', 0.05),
      ('Budget named',                     '$.budget_range ? (@ != null)', 0.10),
      ('Came by referral',                 '$.source ? (@ like_regex "referral|partner" flag "i")', 0.15),
      ('Answered an advertisement',        '$.source ? (@ like_regex "ads|facebook_lead_ad|ppc" flag "i")', 0.08),
      ('Came through the website',         '$.source ? (@ like_regex "website|form|public_tool" flag "i")', 0.08),
      ('Replied',                          '$.pipeline_stage ? (@ == "replied" || @ == "qualified")', 0.15)
), untouched as (
  select r.organization_id
    from app.scoring_rules as r
    left join given as g on g.label = r.label and g.predicate::jsonpath::text = r.predicate::text and g.weight = r.weight
   group by r.organization_id
  having count(*) = (select count(*) from given) and count(distinct g.label) = count(*)
     and bool_and(r.enabled and r.updated_at = r.created_at)
), removed as (
  delete from app.scoring_rules as r using untouched as u where r.organization_id = u.organization_id
)
insert into app.scoring_rules (organization_id, label, predicate, weight)
select u.organization_id, d.label, d.predicate, d.weight from untouched as u cross join private.default_scoring_rules() as d;
