import { defineConfig } from 'vitest/config';

// Needs a Docker engine, so it is no part of `npm test`: npm run test:docker
export default defineConfig({
  test: { include: ['test/docker/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 900_000 },
});
