import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { contracts } from '../src/contracts/registry.ts';
import { createDatabase, type TestDatabase } from './support/database.ts';
import { createKey, createOrganization, startTestGateway, type TestGateway } from './support/gateway.ts';

const README = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
const blocks = [...README.matchAll(/```bash\n([\s\S]*?)```/g)].map(([, script = '']) => script);

let db: TestDatabase;
let gateway: TestGateway;
let key: string;
let ai93Key: string;
let folder: string;

beforeAll(async () => {
  db = await createDatabase();
  gateway = await startTestGateway(db, { withPostgrest: true });
  const organization = await createOrganization(db);
  key = (await createKey(db, organization)).key;
  // as its "key create" makes it: for an organization without a parent, a key of the workspace
  const scopes = /--contract ai93 --scopes (\S+)/.exec(README)?.[1]?.split(',');
  ai93Key = (await createKey(db, organization, { contract: 'ai93', reach: 'workspace', scopes })).key;
  folder = mkdtempSync(join(tmpdir(), 'trunkline-readme-'));
});
afterAll(async () => {
  await gateway.stop();
  await db.drop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

test('the README has examples', () => {
  expect(blocks.length).toBeGreaterThanOrEqual(4);
});

test.each(blocks.map((script) => [script.split('\n')[0] ?? '', script]))('%s', async (_title, script) => {
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: folder,
    env: { ...process.env, URL: gateway.url, KEY: key, AI93_KEY: ai93Key },
  });
  expect(stdout).toMatch(/^[[{]/);
});

test('every npm script the README names exists', () => {
  const { scripts } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'));
  const named = [...README.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name);
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
});

test('every variable of the configuration is in the README, and no other', () => {
  const source = readFileSync(join(import.meta.dirname, '../src/config.ts'), 'utf8');
  const read = [...source.matchAll(/^ {2}([A-Z][A-Z_]+):/gm)].map(([, name]) => name);
  const table = README.slice(README.indexOf('## Configuration'), README.indexOf('## In production'));
  const told = [...table.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name),
  );
  expect(told.toSorted()).toEqual(read.toSorted());
});

test('every path the README names is served', async () => {
  for (const path of [
    '/docs',
    '/livez',
    '/readyz',
    '/metrics',
    ...contracts.flatMap(({ name, basePath }) => [
      `${basePath}/openapi.json`,
      `/openapi/${name}.json`,
      `/docs/${name}`,
    ]),
  ]) {
    expect((await gateway.request('GET', path)).status, path).toBeLessThan(400);
  }
});
