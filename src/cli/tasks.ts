import { type Command, Option } from 'commander';
import { TASK_KINDS } from '../worker/tasks/kinds.ts';
import { leaf, limit, print, table, uuid } from './output.ts';
import { forOrganization, tenantQuery } from './tenant-query.ts';

interface Common {
  org: string;
  kind?: string;
  json?: boolean;
}

interface ListOptions extends Common {
  state?: string;
  limit: number;
}

interface RetryOptions extends Common {
  subject?: string;
}

const STATES = ['waiting', 'failed', 'dead'];
const KINDS = TASK_KINDS.map(({ kind }) => kind);

/** What a task is about, as everything else shows it: the id of a call or message, else the row's UUID. */
const SUBJECT = `case when kind in ('classify_call', 'dispatch_call', 'fetch_recording', 'remove_recording') then app.typeid('call', subject_id)
                      when kind = 'send_message' then app.typeid('msg', subject_id) else subject_id::text end`;

function subject(text: string): string {
  return /^[a-z]{1,10}_[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(text) ? text : uuid(text);
}

/** trunkline tasks … */
export function taskCommands(program: Command): void {
  const group = program
    .command('tasks')
    .summary('see work that waits or was given up, and start it anew')
    .description(
      'Work of an organization that follows from changes and is not done yet: calls to classify and dispatch, recordings to fetch, leads to score and push, messages to send.',
    );

  leaf(group, 'list', 'list what is not done: given up first, then failed, then waiting')
    .requiredOption('--org <id>', 'organization', uuid)
    .addOption(new Option('--state <state>', 'only these').choices(STATES))
    .addOption(new Option('--kind <kind>', 'only these').choices(KINDS))
    .option('--limit <n>', 'at most so many', limit, 50)
    .action(listTasks);

  leaf(group, 'retry', 'start anew now what was given up or waits for its next attempt')
    .requiredOption('--org <id>', 'organization', uuid)
    .addOption(new Option('--kind <kind>', 'only these').choices(KINDS))
    .option('--subject <id>', 'only what is about this, as tasks list shows it', subject)
    .action(retryTasks);
}

async function listTasks(options: ListOptions): Promise<void> {
  const rows = await forOrganization(options, (tenant) =>
    tenantQuery(tenant, {
      text: `
        select kind, ${SUBJECT} as subject, state, attempts, run_at, error, created_at
          from api.tasks
         where ($1::text is null or state = $1) and ($2::text is null or kind = $2)
         order by array_position(array['dead', 'failed', 'waiting'], state), run_at, id limit $3`,
      values: [options.state ?? null, options.kind ?? null, options.limit],
    }),
  );
  const shown = rows.map(({ kind, subject, state, attempts, run_at, error }) => ({
    kind,
    subject,
    state,
    attempts,
    next_attempt: state === 'dead' ? null : run_at,
    error,
  }));
  print(options, rows, table(shown, 'There is nothing that is not done.'));
}

async function retryTasks(options: RetryOptions): Promise<void> {
  const about = options.subject ?? null;
  const [row] = await forOrganization(options, (tenant) =>
    tenantQuery<{ retried: string }>(tenant, {
      text: `select app.retry_tasks($1, coalesce(app.typeid_uuid(split_part($2, '_', 1), $2), case when $2 !~ '_' then $2::uuid end)) as retried`,
      values: [options.kind ?? null, about],
    }),
  );
  const retried = Number(row?.retried);
  print(options, { retried }, `${retried === 1 ? '1 task starts' : `${retried} tasks start`} anew.`);
}
