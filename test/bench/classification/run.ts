import { startBench } from '../environment.ts';
import { confusionTable, measure } from './measure.ts';
import { read } from './transcripts.ts';

/** How often the rules an organization starts with are right, and how long one call takes them. */
const bench = await startBench();
try {
  const client = await bench.createDatabase('classify');
  const { rows } = await client.query("select (app.create_organization('Bench', 'restoration', null, null)).id");
  const organization: string = rows[0].id;
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  for (const part of ['tune', 'held']) {
    const transcripts = read(part);
    const measured = await measure(client, organization, transcripts);
    console.log(`\n${part}: ${measured.transcripts} transcripts`);
    console.log(
      `intent ${percent(measured.intent)}, urgency ${percent(measured.urgency)}, qualified ${percent(measured.qualified)}, confidence off by ${percent(measured.calibration)}`,
    );
    console.log(confusionTable(measured));
  }
  // calls as they lie in the table, one after the other, by a statement that is prepared as the worker's is
  await client.query(
    `insert into app.calls (organization_id, source, transcript, duration_seconds, answered)
     select $1, 'bench', t, 60, true from unnest($2::text[]) as t`,
    [organization, [...read('tune'), ...read('held')].map((each) => each.transcript)],
  );
  await client.query('analyze app.calls, app.classification_rules, app.classification_words');
  const { rows: calls } = await client.query('select id from app.calls');
  const times: number[] = [];
  for (const { id } of [...calls, ...calls]) {
    const started = performance.now();
    await client.query({
      name: 'classify',
      text: 'select d.* from app.calls as c, app.classify(c) as d where c.organization_id = $1 and c.id = $2',
      values: [organization, id],
    });
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): string => (times[Math.floor(times.length * share)] ?? 0).toFixed(1);
  console.log(
    `\none call: ${at(0.5)} ms in the median, ${at(0.99)} ms at the 99th percentile, the way to the database included`,
  );
  await client.end();
} finally {
  await bench.stop();
}
