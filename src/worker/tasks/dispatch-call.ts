import type { StatementTask } from './task.ts';

/** What is done about a classified call: all of it in the database, in one transaction. */
export const dispatchCall: StatementTask = {
  kind: 'dispatch_call',
  batch: 20,
  // in one order, so that two batches do not wait for each other; one that is gone is nothing to do
  statement: (calls) => ({
    text: 'select from (select c.id from app.calls as c where c.id = any ($1::uuid[]) order by c.id) as c cross join lateral app.dispatch_call(c.id)',
    values: [calls],
  }),
};
