import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { classifyCall } from '../../src/worker/tasks/classify-call.ts';
import { scoreLead } from '../../src/worker/tasks/score-lead.ts';
import type { Outcome, Task, TaskKind } from '../../src/worker/tasks/task.ts';
import type { Worker } from '../../src/worker/worker.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { createOrganization, startTestWorker, until } from './fixtures.ts';

let db: TestDatabase;
let organization: string;
const workers: Worker[] = [];

beforeAll(async () => {
  db = await createDatabase();
});
afterAll(() => db.drop());
beforeEach(async () => {
  organization = await createOrganization(db);
});
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.stop();
});

/** A statement that takes for ever takes so long, and any other less, also on a busy machine. */
const STATEMENT_TIMEOUT_MS = 4000;
const start = async (...kinds: TaskKind[]) => {
  workers.push(
    await startTestWorker(db, {
      // how long one that stops waits for a task that hangs
      timeoutMs: 1000,
      tasks: { retrySchedule: [0.1, 0.2], pollMs: 30, statementTimeoutMs: STATEMENT_TIMEOUT_MS, kinds },
    }),
  );
};
const add = (kind: string, subjects: string[], runAt = 'now()') =>
  db.admin.query(`select app.add_tasks($1, $2, $3, 0, ${runAt})`, [organization, kind, subjects]);
const tasks = async () =>
  (
    await db.admin.query(
      "select id, subject_id, state, attempts, error from app.tasks where organization_id = $1 and kind <> 'score_lead' order by id",
      [organization],
    )
  ).rows;
const newLeads = async (count: number): Promise<string[]> => {
  const { rows } = await db.admin.query<{ id: string }>(
    "insert into app.leads (organization_id, name, email) select $1, 'L' || n, n || '@example.com' from generate_series(1, $2::integer) as n returning id",
    [organization, count],
  );
  return rows.map((row) => row.id);
};
const outside = (run: (task: Task) => Promise<Outcome> | Outcome): TaskKind => ({
  kind: 'ask_somebody',
  run: async (task) => run(task),
});
const SUBJECT = '01990000-0000-7000-8000-000000000001';

describe('a task that waits for somebody', () => {
  test('is handed out again when its connection to the database is cut, and that is no attempt', async () => {
    const attempts: number[] = [];
    await start({
      kind: 'ask_somebody',
      async run(task, { pool }) {
        attempts.push(task.attempt);
        if (attempts.length === 1) await pool.query('select pg_terminate_backend(pg_backend_pid())');
        return { state: 'done' };
      },
    });
    await add('ask_somebody', [SUBJECT]);
    await until(async () => (await tasks()).length === 0, 'the task');
    expect(attempts).toEqual([1, 1]);
  });

  test('is gone when it is done, and what it recorded is the organization’s, and audited', async () => {
    const [lead] = await newLeads(1);
    const seen: Task[] = [];
    await start(
      outside((task) => {
        seen.push(task);
        return {
          state: 'done',
          record: (client) => client.query("update app.leads set notes = 'asked' where id = $1", [task.subjectId]),
        };
      }),
    );
    await add('ask_somebody', [lead as string]);
    await until(async () => (await tasks()).length === 0, 'the task');
    expect(seen).toMatchObject([{ organizationId: organization, subjectId: lead, attempt: 1 }]);
    const { rows } = await db.admin.query(
      "select source, correlation_id from audit.platform_events where organization_id = $1 and action = 'lead.updated'",
      [organization],
    );
    expect(rows).toEqual([{ source: 'worker', correlation_id: `task_${seen[0]?.id}` }]);
  });

  test('that fails is tried again by the schedule, and then given up until it is retried', async () => {
    const attempts: number[] = [];
    let well = false;
    await start(
      outside((task) => {
        attempts.push(task.attempt);
        return well ? { state: 'done' } : { state: 'failed', error: 'They are closed.' };
      }),
    );
    await add('ask_somebody', [SUBJECT]);
    await until(async () => (await tasks())[0]?.state === 'dead', 'its end');
    expect(attempts).toEqual([1, 2, 3]);
    expect(await tasks()).toMatchObject([{ attempts: 3, error: 'They are closed.' }]);

    well = true;
    const rows = await db.as(
      'tenant',
      { organization_id: organization, scopes: ['*'] },
      "select app.retry_tasks('ask_somebody') as retried",
    );
    expect(rows).toEqual([{ retried: '1' }]);
    await until(async () => (await tasks()).length === 0, 'the retried one');
    expect(attempts).toEqual([1, 2, 3, 1]);
  });

  test.each([
    ['is refused', "update app.leads set name = 'a' where 1 / length(notes) > 0", /division by zero/],
    ['takes for ever', 'select pg_sleep(600)', /statement timeout/],
  ])('whose outcome %s has failed, too', async (_what, text, reason) => {
    await db.admin.query("insert into app.leads (organization_id, name, notes) values ($1, 'N', '')", [organization]);
    await start(outside(() => ({ state: 'done', record: (client) => client.query(text) })));
    await add('ask_somebody', [SUBJECT]);
    await until(async () => (await tasks())[0]?.state === 'dead', 'its end');
    expect(await tasks()).toMatchObject([{ attempts: 3, error: expect.stringMatching(reason) }]);
  });

  test('that is never due keeps nobody else from theirs', async () => {
    const done: string[] = [];
    await start(
      outside((task) => {
        done.push(task.subjectId);
        return { state: 'done' };
      }),
    );
    await add('ask_somebody', [SUBJECT.replace(/1$/, '2')], "'infinity'");
    await add('ask_somebody', [SUBJECT]);
    await until(() => done.length > 0, 'the other');
    expect(done).toEqual([SUBJECT]);
    await db.admin.query('delete from app.tasks where organization_id = $1', [organization]);
  });

  test('that throws has failed, without telling the operator what only the log may tell', async () => {
    await start(
      outside(() => {
        throw new Error('secret internals');
      }),
    );
    await add('ask_somebody', [SUBJECT]);
    await until(async () => (await tasks())[0]?.state === 'dead', 'its end');
    expect(await tasks()).toMatchObject([{ error: 'Something went wrong on our side; the log says more.' }]);
  });

  test('whose time has not come waits without having failed', async () => {
    let asked = 0;
    await start(outside(() => (++asked < 3 ? { state: 'later', pause: 0.05 } : { state: 'done' })));
    await add('ask_somebody', [SUBJECT]);
    await until(async () => (await tasks()).length === 0, 'the task');
    expect(asked).toBe(3);
  });

  test('asked for anew while it runs, runs once more; asked for often while it waits, once', async () => {
    const runs: number[] = [];
    const answer = Promise.withResolvers<void>();
    await start(
      outside(async (task) => {
        runs.push(task.version);
        if (runs.length === 1) await answer.promise;
        return { state: 'done' };
      }),
    );
    await add('ask_somebody', [SUBJECT]);
    await until(() => runs.length === 1, 'the first run');
    // all at once, so that none is due before the last was asked for
    await db.admin.query(
      `select app.add_tasks($1, 'ask_somebody', array[$2::uuid], 0, now() + interval '200 ms') from generate_series(1, 5)`,
      [organization, SUBJECT],
    );
    answer.resolve();
    await until(async () => (await tasks()).length === 0, 'the task');
    expect(runs).toEqual([1, 6]);
  });

  test('of one organization that hangs holds up no other', async () => {
    const other = await createOrganization(db);
    const hanging = Promise.withResolvers<void>();
    const done: string[] = [];
    await start(
      outside(async (task) => {
        if (task.organizationId === organization) await hanging.promise;
        done.push(task.organizationId);
        return { state: 'done' };
      }),
    );
    await add(
      'ask_somebody',
      Array.from({ length: 30 }, (_, n) => SUBJECT.replace(/..$/, String(n + 10))),
    );
    await until(
      async () =>
        (await db.admin.query("select from pgboss.job where name = 'outside-tasks' and state = 'active'")).rowCount ===
        4,
      'its places to fill up',
    );
    await db.admin.query("select app.add_task($1, 'ask_somebody', $2)", [other, SUBJECT]);
    await until(() => done.includes(other), 'the other');
    expect(done).toEqual([other]);
    hanging.resolve();
    await until(async () => (await tasks()).length === 0, 'the rest');
  });

  test('of a kind that nobody knows is given up, and says so', async () => {
    await start();
    await add('stand_on_its_head', [SUBJECT]);
    await until(async () => (await tasks())[0]?.state === 'dead', 'its end');
    expect(await tasks()).toMatchObject([{ error: 'No worker does stand_on_its_head.' }]);
  });
});

describe('a rule that does not end', () => {
  const ENDLESS = '@ like_regex "^(a*)(a*)(a*)(a*)(a*)(a*)\\\\1\\\\2\\\\3\\\\4\\\\5\\\\6a{7}b$"';
  const TEXT = `${'a'.repeat(3000)}b`;
  const add = (table: string, label: string, predicate: string, columns = '', values = '') =>
    db.admin.query(
      `insert into app.${table} (organization_id, label, predicate, weight${columns}) values ($1, $2, $3, 0.1${values})`,
      [organization, label, predicate],
    );
  const switchedOff = async (table: string) =>
    (
      await db.admin.query(
        `select label, disabled_reason from app.${table} where organization_id = $1 and not enabled order by label`,
        [organization],
      )
    ).rows;

  test('is switched off and says why, and all leads are scored by the others', async () => {
    await add('scoring_rules', 'For ever', `$.notes ? (${ENDLESS})`);
    await add('scoring_rules', 'And a day', `$.notes ? (${ENDLESS} && @ != "")`);
    await add('scoring_rules', 'Wrote something', '$.notes ? (@ != "")');
    const { rows: leads } = await db.admin.query<{ id: string }>(
      "insert into app.leads (organization_id, name, notes) values ($1, 'Evil', $2), ($1, 'Good', 'x') returning id",
      [organization, TEXT],
    );
    await start(scoreLead);
    const scored = async () =>
      (
        await db.admin.query(
          'select name, ai_reasoning from app.leads where id = any ($1) and scored_at is not null order by name',
          [leads.map(({ id }) => id)],
        )
      ).rows;
    await until(async () => (await scored()).length === 2, 'both scores');
    expect(await scored()).toEqual([
      { name: 'Evil', ai_reasoning: 'Wrote something (+0.10)' },
      { name: 'Good', ai_reasoning: 'Wrote something (+0.10)' },
    ]);
    const disabled_reason = expect.stringMatching(
      `^It did not come to an end within 800ms for the lead ${leads[0]?.id}\\. Change it, then enable it again\\.$`,
    );
    expect(await switchedOff('scoring_rules')).toEqual([
      { label: 'And a day', disabled_reason },
      { label: 'For ever', disabled_reason },
    ]);
    const { rows } = await db.admin.query(
      "select source from audit.platform_events where organization_id = $1 and action = 'scoring_rule.updated'",
      [organization],
    );
    expect(rows).toEqual([{ source: 'worker' }, { source: 'worker' }]);
    // who enables it again has seen why
    await db.admin.query(
      "update app.scoring_rules set enabled = true where organization_id = $1 and label = 'For ever'",
      [organization],
    );
    expect(await switchedOff('scoring_rules')).toEqual([{ label: 'And a day', disabled_reason }]);
    expect(
      (await db.admin.query("select from app.scoring_rules where label = 'For ever' and disabled_reason is null"))
        .rowCount,
    ).toBe(1);
  });

  test('is switched off, and a call is classified by the others', async () => {
    await add('classification_rules', 'For ever', `$.extra.note ? (${ENDLESS})`, ', value', ", 'fire'");
    await start(classifyCall);
    const { rows: calls } = await db.admin.query<{ id: string }>(
      `insert into app.calls (organization_id, source, transcript, extra) values ($1, 'api', 'Caller: A pipe burst in my basement.', $2) returning id`,
      [organization, { note: TEXT }],
    );
    const call = await until(
      async () =>
        (await db.admin.query('select * from app.calls where id = $1 and intent is not null', [calls[0]?.id])).rows[0],
      'the classification',
    );
    expect(call).toMatchObject({ intent: 'water', classified_by: 'rules' });
    expect(await switchedOff('classification_rules')).toEqual([
      {
        label: 'For ever',
        disabled_reason: expect.stringMatching(/^It did not come to an end within 800ms for the call call_/),
      },
    ]);
  });

  test('is none that only waits for somebody else: nothing is switched off', async () => {
    const [lead] = await newLeads(1);
    const holder = await db.admin.connect();
    await holder.query('begin');
    await holder.query('select from app.leads where id = $1 for update', [lead]);
    await start(scoreLead);
    await until(
      async () =>
        (
          await db.admin.query("select from app.tasks where subject_id = $1 and kind = 'score_lead' and attempts > 0", [
            lead,
          ])
        ).rowCount === 1,
      'its failure',
    );
    await holder.query('commit');
    holder.release();
    expect(await switchedOff('scoring_rules')).toEqual([]);
  });
});

describe('tasks that are one statement', () => {
  const greet: TaskKind = {
    kind: 'greet',
    batch: 10,
    statement: (ids) => ({
      text: "update app.leads set notes = 'hello' where id = any($1) and 1 / (length(name) - 2) is not null",
      values: [ids],
    }),
  };
  const greeted = async () =>
    (await db.admin.query("select from app.leads where organization_id = $1 and notes = 'hello'", [organization]))
      .rowCount;

  test('are done in batches', async () => {
    await db.admin.query(
      "insert into app.leads (organization_id, name, email) select $1, 'Lead ' || n, n || '@example.com' from generate_series(1, 100) as n",
      [organization],
    );
    const { rows } = await db.admin.query('select id from app.leads where organization_id = $1', [organization]);
    await start(greet);
    await add(
      'greet',
      rows.map((row) => row.id),
    );
    await until(async () => (await tasks()).length === 0, 'the tasks');
    expect(await greeted()).toBe(100);
  });

  test('one that cannot be done keeps no other of its batch from it', async () => {
    // names of two letters divide by zero
    const ids = await newLeads(9);
    const [last] = await newLeads(10).then((more) => more.slice(-1));
    await start(greet);
    await add('greet', [...ids, last as string]);
    await until(async () => {
      const left = await tasks();
      return left.length === 9 && left.every(({ state }) => state === 'dead');
    }, 'their end');
    expect(await greeted()).toBe(1);
    expect((await tasks())[0]).toMatchObject({ error: expect.stringContaining('division by zero') });
  });
});

test('a worker that stops gives back what it has not done', async () => {
  let asked = 0;
  const hang = Promise.withResolvers<Outcome>();
  await start(outside(() => (++asked === 1 ? hang.promise : { state: 'done' })));
  await add('ask_somebody', [SUBJECT]);
  await until(() => asked === 1, 'the first run');
  await workers.pop()?.stop();
  expect(await tasks()).toMatchObject([{ state: 'waiting', attempts: 0 }]);
  await start(outside(() => (++asked === 1 ? hang.promise : { state: 'done' })));
  await until(async () => (await tasks()).length === 0, 'the second run');
  expect(asked).toBe(2);
});
