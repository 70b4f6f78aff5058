import { type Command, Option } from 'commander';
import { StartupError } from '../startup-error.ts';
import type { Tenant } from './instance.ts';
import { leaf, limit, print, table, uuid } from './output.ts';
import { forOrganization, tenantQuery } from './tenant-query.ts';

interface Common {
  org: string;
  json?: boolean;
}

interface ListOptions extends Common {
  state?: string;
  channel?: string;
  limit: number;
}

interface MessageRow extends Record<string, unknown> {
  message_id: string;
  content: string | null;
  vendor: string | null;
}

const STATES = ['queued', 'sending', 'sent', 'delivered', 'failed', 'suppressed', 'unknown', 'received'];

/** A message as it is shown: its UUID. */
const ID =
  "coalesce(app.typeid_uuid('msg', $1), case when $1 ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then $1::uuid end)";

/** trunkline messages … */
export function messageCommands(program: Command): void {
  const group = program
    .command('messages')
    .summary('read what was sent, what waits and what came in')
    .description(
      'Text messages and mails of an organization, also those that stayed in the outbox because nothing is connected.',
    );

  leaf(group, 'list', 'list them, newest first')
    .requiredOption('--org <id>', 'organization', uuid)
    .addOption(new Option('--state <state>', 'only these').choices(STATES))
    .addOption(new Option('--channel <channel>', 'only these').choices(['sms', 'email']))
    .option('--limit <n>', 'at most so many', limit, 50)
    .action(listMessages);

  leaf(group, 'show', 'show one, with its text')
    .argument('<message>', 'as messages list shows it: msg_…')
    .requiredOption('--org <id>', 'organization', uuid)
    .action(async (id: string, options: Common) => {
      const message = await forOrganization(options, (tenant) => find(tenant, id));
      const { content, ...facts } = message;
      const rows = Object.entries(facts).filter(([, value]) => value !== null);
      const words = rows.map(
        ([name, value]) => `  ${name.padEnd(15)}${value instanceof Date ? value.toISOString() : value}`,
      );
      print(options, message, `${words.join('\n')}\n\n${content ?? 'Its text was removed after its retention.'}`);
    });

  leaf(group, 'requeue', 'send one again that failed, was suppressed, or of which nobody knows whether it was sent')
    .argument('<message>', 'as messages list shows it: msg_…')
    .requiredOption('--org <id>', 'organization', uuid)
    .action(async (id: string, options: Common) => {
      const message = await forOrganization(options, async (tenant) => {
        await find(tenant, id);
        await tenantQuery(tenant, { text: `select app.requeue_message(${ID})`, values: [id] });
        return find(tenant, id);
      });
      print(options, message, `${message.message_id} is queued.`);
    });
}

async function listMessages(options: ListOptions): Promise<void> {
  const rows = await forOrganization(options, (tenant) =>
    tenantQuery<MessageRow>(tenant, {
      text: `
        select message_id, direction, channel, state, vendor, to_address, from_address, subject, content, purpose, reason, error, created_at, sent_at
          from api.messages
         where ($1::text is null or state = $1) and ($2::text is null or channel = $2)
         order by created_at desc, id desc limit $3`,
      values: [options.state ?? null, options.channel ?? null, options.limit],
    }),
  );
  const shown = rows.map(
    ({ message_id, created_at, channel, state, vendor, to_address, subject, content, reason, error }) => ({
      message: message_id,
      created_at,
      channel,
      state: vendor === 'outbox' && state === 'sent' ? 'in outbox' : state,
      to: to_address,
      text: short(String(subject ?? content ?? '')),
      remark: error ?? reason,
    }),
  );
  const note = rows.some(({ vendor }) => vendor === 'outbox')
    ? '\n\nWhat is in the outbox did not leave: nothing was connected for its channel (trunkline connectors set --vendor …).'
    : '';
  print(options, rows, `${table(shown, 'There are no messages.')}${note}`);
}

async function find(tenant: Tenant, id: string): Promise<MessageRow> {
  const [message] = await tenantQuery<MessageRow>(tenant, {
    text: `
      select message_id, direction, channel, state, vendor, to_address, from_address, subject, purpose, lead_id, call_id, reason, error, attempts,
             external_id, not_before, created_at, sent_at, delivered_at, content
        from api.messages where id = ${ID}`,
    values: [id],
  });
  if (!message) throw new StartupError('No such message.');
  return message;
}

function short(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 40 ? `${line.slice(0, 39)}…` : line;
}
