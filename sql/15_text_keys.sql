-- Keys of texts: what people write in many ways, in one, to look it up and to search by. Columns are derived by them, so a change here
-- needs a step that derives them anew.

-- A text to search in and with: lower case, without accents, one space between words, whatever the database's own collation knows.
-- What is neither letter, digit nor space becomes a letter that nobody writes: the trigram index knows letters and digits alone, and
-- so finds O'Brien, a.b@example.com and 100% as written too, without reading every lead; and LIKE meets none of its wildcards.
create or replace function app.fold(value text) returns text
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
  folded text;
  sign   text;
begin
  if value !~ '[^\x01-\x7f]' then
    folded := lower(value);
  else
    folded := replace(replace(translate(
      casefold(regexp_replace(normalize(value, NFKD), '[\u0300-\u036f]', '', 'g') collate pg_catalog.pg_unicode_fast),
      'øłđħıð‘’‛“”„‐‑–—', 'oldhid''''''"""----'), 'æ', 'ae'), 'œ', 'oe');
  end if;
  if folded ~ '\s\s|[^\S ]' then
    folded := regexp_replace(folded, '\s+', ' ', 'g');
  end if;
  for sort in 1..100 loop
    sign := substring(folded collate pg_catalog.pg_unicode_fast from '[^[:alnum:] ]');
    exit when sign is null;
    -- an ideograph of plane 2; two signs in 42,000 places seldom meet
    folded := replace(folded, sign, chr(x'20000'::integer + ascii(sign) % 42000));
  end loop;
  if sign is not null then
    -- a hundred sorts of signs are no text, and each takes its time
    folded := regexp_replace(folded collate pg_catalog.pg_unicode_fast, '[^[:alnum:] ]', chr(x'20000'::integer), 'g');
  end if;
  return folded;
end
$$;

comment on function app.fold is 'A text to search in and with: lower case, without accents, signs as letters.';

-- A phone number in one notation: the digits with the country code, where one can be told. Ten digits without one are taken for
-- a number of the North American plan, as the documents' are. Null for what holds no digit.
create or replace function app.phone_key(phone text) returns text
language sql immutable parallel safe
return (
  select case when digits = ''                        then null
              when phone ~ '^\s*\+'                   then digits
              when digits ~ '^00[1-9]\d{7,}$'         then substr(digits, 3)
              when digits ~ '^011[1-9]\d{7,}$'        then substr(digits, 4)
              when digits ~ '^[2-9]\d{9}$'            then '1' || digits
              else digits end
    from (select regexp_replace(phone, '\D', '', 'g') as digits) as d
);

comment on function app.phone_key is 'A phone number in one notation: digits with the country code, where one can be told; null without digits.';

grant execute on function app.phone_key to tenant, workspace;
