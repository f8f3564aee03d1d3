import { defineConfig } from 'vitest/config';

/** Clients of the embedded API server that have to be built. */
const WITH_GO = ['test/embedded/elector.test.ts', 'test/embedded/kubectl.test.ts'];

/** Projects by what they need: `unit` nothing, `cluster` a real API server. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'test/unit/**/*.test.ts',
            'test/virtual/**/*.test.ts',
            'test/chaos/checker.test.ts',
            'test/embedded/**/*.test.ts',
            'test/demo/**/*.test.ts',
          ],
          exclude: WITH_GO,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'cluster',
          include: [
            'test/cluster/**/*.test.ts',
            'test/real/**/*.test.ts',
            'test/conformance/**/*.test.ts',
            ...WITH_GO,
            'test/chaos/chaos.test.ts',
          ],
          globalSetup: ['test/cluster/shared.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
