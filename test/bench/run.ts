import { benchDeliveries } from './deliveries.ts';
import { startBench } from './environment.ts';
import { benchExport } from './export.ts';
import { benchImport } from './import.ts';
import { has } from './load.ts';
import { benchReads } from './reads.ts';
import { missedTargets, note } from './report.ts';
import { benchSearch } from './search.ts';
import { benchWrites } from './writes.ts';

const BENCHES = {
  reads: benchReads,
  writes: benchWrites,
  export: benchExport,
  import: benchImport,
  deliveries: benchDeliveries,
  search: benchSearch,
};

const chosen = process.argv.slice(2);
const bench = await startBench();
try {
  for (const [name, run] of Object.entries(BENCHES)) {
    if (chosen.length > 0 && !chosen.includes(name)) continue;
    if ((name === 'reads' || name === 'writes') && !has('wrk')) {
      note(`wrk is not installed: ${name} was left out`);
      continue;
    }
    await run(bench);
  }
} finally {
  await bench.stop();
}
if (missedTargets() > 0) note(`${missedTargets()} target(s) missed`);
