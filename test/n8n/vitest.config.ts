import { defineConfig } from 'vitest/config';

// Installs a whole n8n, so it is no part of `npm test`: npm run test:n8n
export default defineConfig({
  test: {
    include: ['test/n8n/**/*.test.ts'],
    reporters: ['verbose'],
    testTimeout: 300_000,
    hookTimeout: 1_800_000,
    fileParallelism: false,
    // n8n and a browser on a busy machine: what fails twice in a row is ours
    retry: 1,
    bail: 0,
  },
});
