import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PACKAGE, packedNodes, unpackInto } from './installed.ts';
import type { Json } from './n8n.ts';

// The package as n8n judges it before it verifies one: its linter in strict mode, and the scanner, which goes by no comment that turns a
// rule off, over the source and over what is published.

const SCANNER = join(PACKAGE, 'node_modules/@n8n/scan-community-package/scanner/scanner.mjs');

let scratch: string;
let published: string;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'trunkline-package-'));
  published = unpackInto(packedNodes(scratch), scratch);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true, maxRetries: 10 }));

// in the environment of a test the linter's rules take every file for one of their own tests
const { NODE_ENV: _, ...environment } = process.env;
const env = { ...environment, PATH: `${dirname(process.execPath)}:${process.env.PATH}` };

/** What the scanner finds in a folder, in a process of its own: its plugins look for others beside them. */
function scanned(folder: string, source: boolean): Json {
  const program = `
    const { analyzePackage, SOURCE_FILE_PATTERNS } = await import(${JSON.stringify(SCANNER)});
    const result = await analyzePackage(${JSON.stringify(folder)}${source ? ', SOURCE_FILE_PATTERNS' : ''});
    console.log(JSON.stringify(result));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: PACKAGE,
    env,
    encoding: 'utf8',
  });
  return JSON.parse(output.trim().split('\n').at(-1) as string);
}

test('the linter of n8n reports nothing, in strict mode', () => {
  const template = "import { config } from '@n8n/node-cli/eslint';\n\nexport default config;\n";
  expect(readFileSync(join(PACKAGE, 'eslint.config.mjs'), 'utf8')).toBe(template);
  expect(JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')).n8n.strict).toBe(true);
  execFileSync('npm', ['run', 'lint', '--silent'], { cwd: PACKAGE, env, stdio: 'inherit' });
});

test('the scanner finds nothing in the source', () => {
  expect(scanned(PACKAGE, true)).toEqual({ passed: true });
});

test('the scanner finds nothing in what is published', () => {
  expect(scanned(published, false)).toEqual({ passed: true });
});

test('what is published is the nodes, and nothing that building left behind', () => {
  expect(readdirSync(published).sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json']);
  const files = readdirSync(join(published, 'dist'), { recursive: true, encoding: 'utf8' });
  expect(files.filter((file) => /package\.json|tsbuildinfo|test|node_modules/.test(file))).toEqual([]);
  const { n8n, dependencies } = JSON.parse(readFileSync(join(published, 'package.json'), 'utf8'));
  expect(dependencies).toBeUndefined();
  for (const file of [...n8n.nodes, ...n8n.credentials]) expect(files.map((one) => `dist/${one}`)).toContain(file);
  expect(files).toContain('icons/trunkline.svg');
});
