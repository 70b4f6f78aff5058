import pg from 'pg';
import { expect } from 'vitest';
import type { TestDatabase } from './database.ts';

export interface Node {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  'Subplan Name'?: string;
  'Parent Relationship'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: Node[];
}

export const nodesOf = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

/** Nothing is sorted or read from end to end, and no index but these is scanned. */
export function expectOnly(nodes: Node[], indexes: RegExp): void {
  const types = nodes.map((node) => node['Node Type']);
  const summary = JSON.stringify(nodes.map((node) => [node['Node Type'], node['Index Name'] ?? node['Relation Name']]));
  expect(
    types.filter((type) => /Sort|Seq Scan|Bitmap/.test(type)),
    summary,
  ).toEqual([]);
  const used = nodes.flatMap((node) => node['Index Name'] ?? []);
  expect(used.length, summary).toBeGreaterThan(0);
  for (const index of used) expect(index).toMatch(indexes);
}

interface Explained {
  'Query Text': string;
  Plan: Node;
}

/**
 * The plans that statements inside functions were run by, with what they really read: auto_explain tells them as notices. EXPLAIN
 * shows a function as one node.
 */
export async function innerPlans(
  db: TestDatabase,
  role: string,
  claims: object,
  text: string,
  values: unknown[] = [],
): Promise<{ rows: pg.QueryResultRow[]; plans: { text: string; nodes: Node[] }[] }> {
  const client = new pg.Client({ connectionString: db.url });
  const plans: { text: string; nodes: Node[] }[] = [];
  await client.connect();
  try {
    await client.query(`
      load 'auto_explain';
      set auto_explain.log_min_duration = 0;
      set auto_explain.log_nested_statements = on;
      set auto_explain.log_analyze = on;
      set auto_explain.log_timing = off;
      set auto_explain.log_format = json;
      set auto_explain.log_level = notice;
      begin`);
    await client.query("select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)", [
      role,
      JSON.stringify(claims),
    ]);
    client.on('notice', ({ message = '' }) => {
      const explained = /plan:\n([\s\S]*)$/.exec(message);
      if (!explained) return;
      const plan = JSON.parse(explained[1] as string) as Explained;
      plans.push({ text: plan['Query Text'], nodes: nodesOf(plan.Plan) });
    });
    const { rows } = await client.query(text, values);
    await client.query('rollback');
    return { rows, plans };
  } finally {
    await client.end();
  }
}
