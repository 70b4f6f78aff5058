-- Email addresses: whose domain it is. Free mail and slips of the pen are listed here; top-level domains and domains of disposable
-- addresses are in 17_email_lists.sql, generated.

create table if not exists app.email_domains (
  domain text not null,
  kind   text not null,
  constraint email_domains_pkey primary key (domain),
  constraint email_domains_kind check (kind in ('top_level', 'disposable', 'free', 'mistyped', 'reserved'))
);

comment on table  app.email_domains        is 'Domains of email addresses that say something of who uses them. The same for all, so it belongs to no organization.';
comment on column app.email_domains.domain is 'Domain in lower case; it stands for the domains below it too.';
comment on column app.email_domains.kind   is 'top_level: exists · disposable: made for a moment · free: anybody gets an address there · mistyped: means another one · reserved: receives no mail.';
comment on constraint email_domains_kind on app.email_domains is 'kind: must be one of top_level, disposable, free, mistyped, reserved';

alter table app.email_domains enable row level security;
alter table app.email_domains force row level security;
drop policy if exists "the core keeps the list of domains" on app.email_domains;
create policy "the core keeps the list of domains" on app.email_domains to trunkline_owner using (true) with check (true);

insert into app.email_domains as known (domain, kind)
select domain, kind
  from (values
    ('free', 'gmail.com googlemail.com yahoo.com ymail.com rocketmail.com yahoo.co.uk yahoo.ca yahoo.com.au yahoo.com.br yahoo.com.mx
              yahoo.com.ar yahoo.co.in yahoo.in yahoo.co.jp yahoo.de yahoo.fr yahoo.es yahoo.it yahoo.com.ph yahoo.co.id yahoo.com.sg
              yahoo.com.hk yahoo.com.tw yahoo.com.vn outlook.com outlook.de outlook.fr outlook.es outlook.it outlook.jp outlook.com.br
              hotmail.com hotmail.co.uk hotmail.ca hotmail.de hotmail.fr hotmail.es hotmail.it hotmail.com.br hotmail.com.mx live.com
              live.co.uk live.ca live.de live.fr live.nl live.it live.com.au live.com.mx msn.com passport.com icloud.com me.com mac.com aol.com
              aol.co.uk aol.de aol.fr aim.com proton.me protonmail.com protonmail.ch pm.me tutanota.com tutanota.de tuta.io tuta.com
              tutamail.com fastmail.com fastmail.fm hey.com zoho.com zohomail.com zohomail.eu mail.com email.com usa.com post.com
              europe.com gmx.com gmx.de gmx.net gmx.at gmx.ch gmx.us gmx.co.uk gmx.fr gmx.es web.de freenet.de t-online.de arcor.de
              online.de posteo.de mailbox.org inbox.com inbox.lv hushmail.com hush.com lycos.com excite.com juno.com netzero.net
              netzero.com earthlink.net mindspring.com comcast.net xfinity.com verizon.net att.net sbcglobal.net bellsouth.net
              pacbell.net ameritech.net swbell.net cox.net charter.net spectrum.net rr.com roadrunner.com optonline.net optimum.net
              frontier.com frontiernet.net windstream.net centurylink.net centurytel.net embarqmail.com q.com suddenlink.net
              cableone.net wowway.com rcn.com mchsi.com tds.net netscape.net shaw.ca rogers.com sympatico.ca bell.net telus.net
              videotron.ca cogeco.ca btinternet.com btopenworld.com talktalk.net sky.com virginmedia.com ntlworld.com blueyonder.co.uk
              tiscali.co.uk o2.co.uk plusnet.com eircom.net orange.fr wanadoo.fr free.fr sfr.fr laposte.net neuf.fr bbox.fr
              libero.it virgilio.it alice.it tin.it tiscali.it terra.es telefonica.net sapo.pt ziggo.nl kpnmail.nl planet.nl home.nl
              xs4all.nl hetnet.nl telenet.be skynet.be proximus.be bluewin.ch sunrise.ch hispeed.ch aon.at chello.at telia.com
              bredband.net online.no luukku.com wp.pl o2.pl onet.pl interia.pl op.pl seznam.cz centrum.cz email.cz azet.sk abv.bg
              freemail.hu citromail.hu mail.ru bk.ru list.ru inbox.ru yandex.ru yandex.com ya.ru rambler.ru ukr.net i.ua
              meta.ua bigpond.com bigpond.net.au optusnet.com.au iinet.net.au tpg.com.au westnet.com.au xtra.co.nz uol.com.br bol.com.br
              terra.com.br ig.com.br globo.com globomail.com prodigy.net.mx qq.com foxmail.com 163.com 126.com yeah.net sina.com
              sina.cn sohu.com 139.com 189.cn aliyun.com naver.com daum.net hanmail.net nate.com rediffmail.com sify.com docomo.ne.jp
              ezweb.ne.jp softbank.ne.jp walla.co.il walla.com duck.com simplelogin.com relay.firefox.com privaterelay.appleid.com'),
    ('mistyped', 'gmial.com gmai.com gmal.com gmil.com gamil.com gmaill.com gmailc.om gmaik.com gmali.com gmsil.com gnail.com gemail.com
                  ggmail.com gmail.co gmail.cm gmail.om gmail.con gmail.cmo gmail.ocm gmail.comm gmail.vom gmail.xom gmail.net.com
                  gmail.comcom gmaio.com gmaul.com gmqil.com fmail.com hmail.com gmailcom.com googlemail.co yaho.com yahooo.com yhoo.com
                  yaoo.com yhaoo.com yahho.com yahoo.co yahoo.cm yahoo.con yahoo.om yahoo.comm yaboo.com yahoo.cim uahoo.com hotmial.com
                  hotmai.com hotmal.com hotmil.com hotmall.com hotamil.com hotmaill.com homail.com hotmail.co hotmail.cm hotmail.con
                  hotmail.om hotmail.comm hormail.com hotnail.com hitmail.com otmail.com outlok.com outloo.com outlok.co outlook.co
                  outlook.cm outlook.con outllook.com outlokk.com outlool.com ootlook.com icoud.com iclod.com icloud.co icloud.cm
                  icloud.con iclould.com icluod.com iclous.com icould.com aol.co aol.cm aol.con aoll.com comcast.com.net comcas.net
                  comcast.ent verizon.ner sbcglobal.ner sbcgobal.net bellsouth.ner att.ner protonmial.com'),
    ('reserved', 'example.com example.net example.org')
  ) as lists (kind, domains),
  regexp_split_to_table(lists.domains, '\s+') as domain
on conflict (domain) do update set kind = excluded.kind where known.kind <> excluded.kind;

-- What an email address says of itself:
--   business    an organization's own domain, as far as can be told
--   free        anybody gets an address there
--   disposable  made for a moment
--   mistyped    the domain is a slip of the pen: gmial.com
--   reserved    the domain is for documents, and receives no mail: example.com
--   impossible  no such domain can exist
-- Null without an address.
create or replace function app.email_kind(email text) returns text
language plpgsql stable security definer
set search_path = ''
as $$
declare
  host   constant text   := lower(substring(email from '[^@]*$'));
  labels constant text[] := string_to_array(host, '.');
  above  text;
  listed text;
  said   text := 'business';
begin
  if email is null then
    return null;
  elsif length(host) > 253 or cardinality(labels) not between 2 and 10 or host !~ '^[[:alnum:]]+([.-][[:alnum:]]+|--[[:alnum:]]+)*$'
     or exists (select from unnest(labels) as label where length(label) > 63) then
    said := 'impossible';
  end if;
  -- the domain and every one above it, up to the top, which must exist
  for level in 1 .. coalesce(least(cardinality(labels), 10), 0) loop
    above  := labels[cardinality(labels) - level + 1] || coalesce('.' || above, '');
    listed := (select d.kind from app.email_domains as d where d.domain = above);
    if listed = 'mistyped' then
      return listed;
    elsif level = 1 and listed is distinct from 'top_level' then
      said := 'impossible';
    elsif level > 1 and said <> 'impossible' then
      -- the nearer one knows better
      said := coalesce(listed, said);
    end if;
  end loop;
  return said;
end
$$;

comment on function app.email_kind is 'What an email address''s domain says: business, free, disposable, mistyped, reserved or impossible; null without one.';

grant execute on function app.email_kind to tenant;
