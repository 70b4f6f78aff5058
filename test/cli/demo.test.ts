import { afterAll, expect, test } from 'vitest';
import { cleanUp, run } from '../start/process.ts';

afterAll(cleanUp);

test('the demo holds, step by step', async () => {
  const { code, stdout, stderr } = await run(['demo'], {});
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toContain('pipeline_stage: new → won');
  expect(stdout).toContain('failed, failed, delivered');
  expect(stdout).toContain('in order: call.received, call.classified, call.qualified');
  expect(stdout.trimEnd().endsWith('Everything held.')).toBe(true);
});
