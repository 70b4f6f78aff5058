import type { Instance } from '../supervisor/start.ts';

/** The example of the first start: it must work as it is printed. */
const LEAD = { name: 'Maya Patel', company: 'Patel Dental', email: 'maya@pateldental.example', source: 'website' };

/** What `trunkline start` says when it is ready. */
export function banner({ url, publicUrl, dataDir, firstKey }: Instance): string {
  const lines = [
    '',
    `  Trunkline is ready at ${url}`,
    '',
    ...(publicUrl ? [`  Outside     ${publicUrl}`] : []),
    `  Reference   ${url}/docs`,
    `  REST        ${url}/api/v1`,
    `  SQL (REST)  ${url}/rest/v1`,
    ...(dataDir ? [`  Data        ${dataDir}`] : []),
    '',
  ];
  if (firstKey) {
    lines.push(
      `  Your organization   ${firstKey.organization} (${firstKey.organizationId})`,
      `  Its admin key       ${firstKey.key}`,
      '  Save this key now. It will not be shown again.',
      '',
      '  Create a lead:',
      '',
      `curl -sS ${url}/api/v1/leads \\`,
      `  -H 'Authorization: Bearer ${firstKey.key}' \\`,
      "  -H 'Content-Type: application/json' \\",
      `  -d '${JSON.stringify(LEAD)}'`,
      '',
    );
  } else {
    lines.push(
      '  Another key         npm run trunkline -- org list',
      '                      npm run trunkline -- key create --org <id> --contract eal --scopes read,write',
      '',
    );
  }
  lines.push('  Ctrl-C stops everything in order.', '');
  return lines.join('\n');
}
