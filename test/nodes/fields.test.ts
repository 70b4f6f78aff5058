import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eal } from '../../src/contracts/eal/index.ts';
import { NOT_OFFERED, PLAN } from '../../src/n8n/plan.ts';
import { generatedFiles } from '../../src/n8n/write.ts';

// The generated part of the n8n nodes is what the operations say today.

const PACKAGE = join(import.meta.dirname, '../../n8n-nodes');

test.each(Object.entries(generatedFiles()))('%s is fresh (npm run generate)', (path, text) => {
  expect(readFileSync(join(PACKAGE, path), 'utf8')).toBe(text);
});

test('the fields speak the words of people who never read a reference', () => {
  const texts = Object.values(generatedFiles()).join('\n');
  const described = [...texts.matchAll(/(?:displayName|name|description|placeholder): '((?:[^'\\]|\\.)*)'/g)].map(
    ([, text = '']) => text,
  );
  expect(described.length).toBeGreaterThan(100);
  // times of the calendar are in the workflow's time zone; null, snake_case and the caller are words of programs
  const words = /ISO 8601|UTC|\bnull\b|\bcaller this\b|^Api$|^N8n$|^(True|False)$|^\d+[hd]$|\b[a-z]+_[a-z]+ is\b/;
  expect(described.filter((text) => words.test(text))).toEqual([]);
});

test('every operation of the contract is offered, or left out for a reason', () => {
  const offered = Object.values(PLAN).flatMap((offers) => offers.map((offer) => offer.operation));
  const known = eal.routes.map((route) => route.operation.id);
  expect([...offered, ...Object.keys(NOT_OFFERED)].sort()).toEqual(known.sort());
});

describe('an example workflow', () => {
  const folder = join(PACKAGE, 'workflows');
  test.each(readdirSync(folder))('%s uses operations that the nodes have, and is told of in the README', (file) => {
    const { nodes } = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    const ours = nodes.filter((node: { type: string }) => node.type === 'n8n-nodes-trunkline.trunkline');
    expect(
      ours.length + nodes.filter((node: { type: string }) => node.type.endsWith('trunklineTrigger')).length,
    ).toBeGreaterThan(0);
    for (const { parameters } of ours) {
      expect(PLAN[parameters.resource]?.map((offer) => offer.value)).toContain(parameters.operation);
    }
    expect(readFileSync(join(PACKAGE, 'README.md'), 'utf8')).toContain(`\`${file}\``);
  });
});
