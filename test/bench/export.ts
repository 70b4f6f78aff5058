import { createWriteStream, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Bench, createKeys } from './environment.ts';
import { alternate, has, output } from './load.ts';
import { note, report } from './report.ts';
import { organizationId, seedAuditLog, seedLeads } from './seed.ts';

const ENTRIES = 1_000_000;

const residentMiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

/** audit-log/export.csv of a million entries: against psql's \copy of the same rows, and what it takes of memory. */
export async function benchExport(bench: Bench): Promise<void> {
  const client = await bench.createDatabase('export');
  const organization = organizationId(1);
  await seedLeads(client, 1, 1);
  await seedAuditLog(client, organization, ENTRIES);
  const [key = ''] = await createKeys(client, [organization]);
  const gateway = await bench.startGateway('export');

  let growth = 0;
  const download = async (): Promise<number> => {
    const before = residentMiB(gateway.pid);
    const watch = setInterval(() => {
      growth = Math.max(growth, residentMiB(gateway.pid) - before);
    }, 50);
    const start = performance.now();
    const response = await fetch(`${gateway.url}/api/v1/audit-log/export.csv`, {
      headers: { authorization: `Bearer ${key}`, 'accept-encoding': 'identity' },
    });
    if (!response.ok || !response.body) throw new Error(`export answered ${response.status}`);
    await pipeline(Readable.fromWeb(response.body as never), createWriteStream('/dev/null'));
    clearInterval(watch);
    return (performance.now() - start) / 1000;
  };
  const claims = JSON.stringify({ organization_id: organization, scopes: ['*'] });
  const copy = async (): Promise<number> => {
    const { hostname, port, username, password, pathname } = new URL(bench.url('export', 'gateway'));
    const start = performance.now();
    await output(
      'psql',
      [
        '-h',
        hostname,
        '-p',
        port,
        '-U',
        username,
        '-d',
        pathname.slice(1),
        '-q',
        '-v',
        'ON_ERROR_STOP=1',
        '-c',
        'set role tenant',
        '-c',
        `set request.jwt.claims = '${claims}'`,
        '-c',
        "\\copy (select id, organization_id, action, source, correlation_id, payload, app.iso(created_at) as created_at from audit.platform_events order by created_at desc, id desc) to '/dev/null' with (format csv, header)",
      ],
      { PGPASSWORD: decodeURIComponent(password) },
    );
    return (performance.now() - start) / 1000;
  };
  // a gateway in use, not one that has just been started: its heap has the size that requests give it
  for (let served = 0; served < 300; served += 1) {
    await (
      await fetch(`${gateway.url}/api/v1/audit-log?limit=200`, { headers: { authorization: `Bearer ${key}` } })
    ).text();
  }
  if (has('psql')) {
    const times = await alternate(3, { gateway: download, psql: copy });
    report(`export.csv of ${ENTRIES} entries against psql's \\copy, speed`, times.psql / times.gateway, '>=', 0.5);
  } else {
    await download();
    note('psql is not installed: the export was not compared with \\copy');
  }
  report('memory the export takes, MiB', growth, '<=', 64);
  await Promise.all([gateway.stop(), client.end()]);
}
