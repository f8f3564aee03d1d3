import { defineConfig } from 'vitest/config';
import { embeddedConnectionPath } from './test/embedded/connection.ts';

/** Clients of the embedded API server that have to be built. */
const WITH_GO = [
  'test/embedded/cli-resign.test.ts',
  'test/embedded/elector.test.ts',
  'test/embedded/kubectl.test.ts',
  'test/embedded/operator-terms.test.ts',
];

/** Of the tests on the real API server: those that the embedded one cannot stand in for. */
const REAL_ONLY = [
  // Counts requests by the server's own metrics, and proves nothing of a server that counts for itself.
  'test/real/requests.test.ts',
  // Run client-go, which without Go is not there. WITH_GO has some of the same on the embedded server.
  'test/real/interop.test.ts',
  'test/real/interop-extras.test.ts',
  'test/real/cli-resign-client-go.test.ts',
  'test/real/operator-terms.test.ts',
];

/** Of the tests of the chart: this one needs neither Helm nor an API server. */
const MONITORING = 'test/chart/monitoring.test.ts';

/** Runs the demo, which starts an embedded API server of its own. */
const DEMO = 'test/demo/run.test.ts';

/**
 * Projects by what they need: `unit` nothing, `embedded` the embedded API server, `cluster` a real
 * one, `e2e` a whole cluster (`npm run e2e` has one).
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'test/unit/**/*.test.ts',
            'test/virtual/**/*.test.ts',
            'test/sim/**/*.test.ts',
            'test/model/**/*.test.ts',
            'test/chaos/!(chaos).test.ts',
            'test/embedded/**/*.test.ts',
            'test/demo/**/*.test.ts',
            'test/fuzz/**/*.test.ts',
            'test/soak/**/*.test.ts',
            MONITORING,
          ],
          exclude: [...WITH_GO, DEMO],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'embedded',
          include: ['test/real/**/*.test.ts', 'test/examples/**/*.test.ts', DEMO],
          exclude: REAL_ONLY,
          globalSetup: ['test/embedded/shared.ts'],
          env: {
            LEASEHOLD_TEST_CLUSTER: embeddedConnectionPath,
            LEASEHOLD_TEST_SERVER: 'embedded',
          },
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'cluster',
          include: [
            'test/cluster/**/*.test.ts',
            'test/real/**/*.test.ts',
            'test/examples/**/*.test.ts',
            'test/conformance/**/*.test.ts',
            ...WITH_GO,
            'test/chaos/chaos.test.ts',
            'test/guard/**/*.test.ts',
            'test/chart/**/*.test.ts',
          ],
          exclude: [MONITORING],
          globalSetup: ['test/cluster/shared.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
