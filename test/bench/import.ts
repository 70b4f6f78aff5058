import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bench, ENCRYPTION_KEY } from './environment.ts';
import { has, output } from './load.ts';
import { note, report } from './report.ts';

const ROWS = 100_000;
const MAIN = join(import.meta.dirname, '../../src/main.ts');
const COLUMNS = 'name,email,phone,company,source,notes';

const row = (i: number): string =>
  `Lead ${i},lead${i}@example.com,+1 212 ${String(2_000_000 + i)},"Company ${i % 5000}, Inc",list,Met at stand ${i % 300}`;

/** leads import of 100,000 rows: against psql's \copy into the same table with the same triggers, and into a bare one. */
export async function benchImport(bench: Bench): Promise<void> {
  if (!has('psql')) return note('psql is not installed: import was left out');
  const client = await bench.createDatabase('import');
  const organization = async (): Promise<string> =>
    (await client.query("select id from app.create_organization('Import', null, null, null)")).rows[0].id;
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-bench-'));
  const file = join(folder, 'leads.csv');
  writeFileSync(file, `${COLUMNS}\n${Array.from({ length: ROWS }, (_, i) => `${row(i)}\n`).join('')}`);
  const seconds = async (work: () => Promise<unknown>): Promise<number> => {
    const start = performance.now();
    await work();
    return (performance.now() - start) / 1000;
  };

  const imports = async (org: string): Promise<void> => {
    const child = spawn(process.execPath, [MAIN, 'leads', 'import', file, '--org', org, '--source', 'list'], {
      env: { ...process.env, DATABASE_URL: bench.url('import'), ENCRYPTION_KEY },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [code] = await once(child, 'exit');
    if (code !== 0) throw new Error(`leads import ended with ${code}`);
  };
  const copy = (table: string): Promise<unknown> =>
    output('psql', [
      ...[bench.url('import'), '-q', '-v', 'ON_ERROR_STOP=1'],
      ...['-c', `\\copy ${table} (${COLUMNS}) from '${file}' with (format csv, header)`],
    ]);

  await client.query('create table bare (like app.leads including defaults)');
  await client.query('alter table bare alter workspace_id drop not null, alter organization_id drop not null');
  const first = await organization();
  const imported = await seconds(() => imports(first));
  const again = await seconds(() => imports(first));
  const second = await organization();
  await client.query(`alter table app.leads alter organization_id set default '${second}'`);
  const copied = await seconds(() => copy('app.leads'));
  const bare = await seconds(() => copy('bare'));
  await client.end();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });

  const rate = (time: number): string => `${Math.round(ROWS / time).toLocaleString('en')} rows/s`;
  note(`import ${rate(imported)}, again (nothing changes) ${rate(again)}`);
  note(`\\copy with the same triggers ${rate(copied)}, into a bare table ${rate(bare)}`);
  report(`import of ${ROWS} leads against psql's \\copy into the same table, speed`, copied / imported, '>=', 0.5);
}
