import type pg from 'pg';
import { organizationId } from './seed.ts';

// Leads that look like people's: names and languages mixed, numbers in many notations, notes from none to several hundred words,
// and everything skewed: a few names, businesses and words are most of it.

const WORKSPACE_NUMBER = 0x20000;
const NEIGHBOUR_NUMBER = 0x30000;
const BUSINESSES = 200;
const NEIGHBOURS = 20;

export const WORKSPACE: string = organizationId(WORKSPACE_NUMBER);
/** Business n of the workspace; the first has a tenth of all leads, the last two in a thousand. */
export const business = (n: number): string => organizationId(WORKSPACE_NUMBER + n);

const words = (text: string): string => `'{${text.trim().split(/\s+/).join(',')}}'::text[]`;

const FIRST = words(`
  Maria James Anna John Sarah David Michael Emma Robert Laura José Linda Peter Karen Zoë Thomas Daniel Łukasz Paul Jürgen Sofía
  Nguyễn Björn Chloé Ayşe İbrahim François Małgorzata Søren Ana André Noël Renée Siân Ólafur Željko Đorđe Håkon Jiří Zsófia
  Gülşen Kristína Agnieszka Dmitri Oleksandr Fatima Mohammed Wei Hiroshi Priya Arjun Chidi Amara Kwame Leilani Tāne Aroha Isla
  Hamish Niamh Seán Ciarán Gráinne Giulia Matteo Lucía Íñigo Joaquín Beatriz João Inês Tomás Martín Valentina Ximena Quentin
  Wolfgang Ursula Günther Käthe Heinrich Ottilie Bartholomew Persephone Thaddeus Winifred Ezekiel Guinevere Barnaby Clementine`);
const LAST = words(`
  Smith Johnson Mitchell Garcia Müller Nowak Kowalski Brown Martínez Silva Andersson Weiß Straßer Dvořák Novák Kovács Yılmaz
  Şahin Øster Åkesson Þórsson O''Brien O''Connor MacLeod D''Angelo Lefèvre Dubois Núñez Ibáñez Peña Gonçalves Araújo Nguyễn Trần
  Wang Tanaka Suzuki Patel Sharma Okafor Mensah Kamaka Whitfield Blackwood Ashworth Featherstone Cholmondeley Hawthorne`);
const NOTE = words(`
  called asked about the water in basement after every storm and wants a quote for drying walls floor roof gutter insurance claim
  adjuster will come on monday tuesday friday please send photos by email he she they said budget is not clear yet needs answer
  before weekend house built 1962 small large office restaurant school hospital second third kitchen bathroom ceiling mould smell
  damage urgent crew available next week schedule inspection paid deposit waiting landlord tenant agreement signed missing voicemail
  left again interested competitor cheaper follow up spring summer autumn winter referred neighbour straße café naïve façade`);

// Each call of these is drawn anew for each row; a power makes the first ones frequent.
const oneOf = (count: number, power: number): string => `1 + (${count} * random() ^ ${power})::integer % ${count}`;
const pick = (array: string, power = 1): string =>
  `(${array})[1 + (cardinality(${array}) * random() ^ ${power})::integer % cardinality(${array})]`;

const NAME = `${pick(FIRST, 1.7)} || ' ' || ${pick(LAST, 1.3)} || case when random() < 0.1 then '-' || ${pick(LAST)} else '' end`;
const COMPANY = `${pick(LAST)} || ' ' || ${pick("'{Ltd,GmbH,Restoration,Plumbing,& Söhne,Hotels,Dental}'::text[]")}`;
const DOMAIN = pick("'{example.com,example.com,example.org,mail.example,firma.example}'::text[]");
const SOURCE = pick("'{google_ads,website,facebook,referral,reddit,import}'::text[]", 2);
const STAGE = pick("'{new,contacted,replied,qualified,lost,won}'::text[]", 2);
const TAG = pick("'{hot,storm,follow-up,commercial,do-not-call,2026,spring campaign,Ünlü}'::text[]", 2);

/** `total` leads of the organizations base+1 … base+count. */
const insertLeads = (base: number, count: number, workspace: string, total: number): string => `
  with drawn as (
    select i, random() as r, ${NAME} as name, ${TAG} as tag, ${oneOf(count, 2.5)} as n, (28000 * random())::integer as note,
           (200 + i * 31 % 790)::text as code, lpad((i % 10000 * 7919 % 10000)::text, 4, '0') as line
      from generate_series(1, ${total}) as i
  ), lead as (
    select d.i, ('00000000-0000-7000-8000-' || lpad(to_hex(${base} + d.n), 12, '0'))::uuid as organization_id,
           d.name, regexp_replace(app.fold(d.name), '[^a-z]', '.', 'g') as account,
           case when random() < 0.4 then ${COMPANY} end as company,
           case (d.r * 7)::integer
             when 0 then '(' || d.code || ') 555-' || d.line when 1 then '+1 ' || d.code || '-555-' || d.line
             when 2 then d.code || '.555.' || d.line         when 3 then '+44 20 7' || d.code || ' ' || d.line
             when 4 then '0049 30 ' || d.code || d.line      when 5 then '011 33 1 ' || left(d.line, 2) || ' ' || d.code end as phone,
           note.text || case when d.i % 40009 = 17 then ' Xylophone teacher.' else '' end as notes,
           case when d.r < 0.5         then '{}'
                when d.r < 0.8         then array[d.tag]
                when d.i % 5003 = 9    then array[d.tag, 'vip', 'rare-tag']
                else array[d.tag, 'vip'] end as tags,
           now() - make_interval(secs => d.i * 60 * (0.5 + d.i / ${total}.0)) as at
      from drawn as d
      left join note on note.n = d.note
  ), whole as (
    select l.*, l.account || l.i % 9973 || '@' || ${DOMAIN} as email, app.phone_key(l.phone) as phone_key,
           case when random() < 0.3 then (case when random() < 0.5 then 'u/' else '@' end) || l.account || l.i * 7 % 100000 end as handle
      from lead as l
  )
  insert into app.leads (organization_id, workspace_id, id, name, handle, company, email, phone, notes, tags, source, pipeline_stage,
                         lead_score, external_id, created_at, updated_at, email_key, phone_key, search_text)
  select w.organization_id, ${workspace}, uuidv7(w.at - now()), w.name, w.handle, w.company, w.email, w.phone, w.notes, w.tags,
         ${SOURCE}, ${STAGE}, (100 * random())::smallint, case when random() < 0.1 then 'x' || w.i end, w.at, w.at,
         lower(w.email), w.phone_key, app.fold(concat_ws(' ', '', w.name, w.handle, w.company, w.email, w.phone_key, w.notes))
    from whole as w`;

/** `leads` leads in the workspace of 200 businesses, a twentieth of that beside it. Written without triggers, derived alike. */
export async function seedPeople(client: pg.Client, leads: number): Promise<void> {
  const indexes = await client.query<{ name: string; definition: string }>(`
    select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
      from pg_index as i where i.indrelid = 'app.leads'::regclass and not i.indisunique`);
  await client.query("set session_replication_role = replica; set maintenance_work_mem = '512MB'; select setseed(0.4)");
  // made at the end: faster, and as an index is that has been kept by vacuum
  for (const { name } of indexes.rows) await client.query(`drop index ${name}`);
  await client.query(
    `insert into app.organizations (id, name, slug, parent_organization_id)
     select (left($1::text, 24) || lpad(to_hex(base + i), 12, '0'))::uuid, kind || ' ' || i, kind || '-' || i, case when i > 0 then parent end
       from (values ('business', ${WORKSPACE_NUMBER}, ${BUSINESSES}, $1::text::uuid), ('neighbour', ${NEIGHBOUR_NUMBER}, ${NEIGHBOURS}, null)) as k (kind, base, count, parent),
            generate_series(0, count) as i`,
    [WORKSPACE],
  );
  // the notes of most are short, of some several hundred words
  await client.query(`
    create temporary table note as
    select n, (select string_agg(${pick(NOTE, 1.5)} || case when random() < 0.1 then '.' else '' end, ' ')
                      || case when n % 7 = 0 then ' ref ' || left(md5(n::text), 10) else '' end
                 from generate_series(1, 4 + (350 * (n / 20000.0) ^ 5)::integer)) as text
      from generate_series(1, 20000) as n;
    analyze note`);
  await client.query(insertLeads(WORKSPACE_NUMBER, BUSINESSES, `'${WORKSPACE}'`, leads));
  await client.query(insertLeads(NEIGHBOUR_NUMBER, NEIGHBOURS, 'w.organization_id', Math.ceil(leads / 20)));
  for (const { definition } of indexes.rows) await client.query(definition);
  await client.query('set session_replication_role = origin; set maintenance_work_mem = default');
  await client.query('vacuum analyze app.leads');
}
