import type { StatementTask } from './task.ts';

/** Scores leads that came in, or of which something else is known, by the rules of their organization. */
export const scoreLead: StatementTask = {
  kind: 'score_lead',
  endlessRule: 'app.switch_off_endless_scoring_rule',
  batch: 50,
  statement: (subjectIds) => ({ text: 'select app.score_leads($1::uuid[])', values: [subjectIds] }),
};
