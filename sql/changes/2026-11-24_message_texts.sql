-- Texts of messages have a retention; what is left then says that there was a message.

alter table if exists app.messages
  alter column content drop not null,
  drop constraint if exists messages_content,
  add constraint messages_content check (
    (content is not null or state not in ('queued', 'sending'))
    and content ~ '\S' and length(content) <= case when channel = 'sms' and direction = 'outbound' then 1600 else 100000 end);

drop function if exists app.remove_expired(integer, interval);
