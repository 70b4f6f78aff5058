import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/docker/**', 'test/bench/**', 'test/n8n/**', 'node_modules/**'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 180_000,
    pool: 'forks',
    maxWorkers: 2,
    // real processes, kills and time-outs on a machine that others use too: what fails twice in a row is ours;
    // the report marks what needed the second try
    retry: 1,
  },
});
