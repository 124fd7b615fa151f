import { defineConfig } from 'vitest/config';

/** Test files by level: what a level needs is set up only when one of its files is selected. */
const needsServers = ['{test,examples}/**/*.{db,bus}.test.ts'];
const needsServersAndBuild = ['{test,examples}/**/*.{e2e,faults}.test.ts'];
const needsPeers = ['{test,examples}/**/*.interop.test.ts'];

/** Examples import the package as its users do; tests run them on the sources. */
const source = (path: string): string => new URL(path, import.meta.url).pathname;

export default defineConfig({
  resolve: {
    alias: [
      { find: /^signalbox$/, replacement: source('src/index.ts') },
      { find: /^signalbox\/machines$/, replacement: source('machines/index.ts') },
      { find: /^signalbox\/amqp$/, replacement: source('src/delivery/amqp/index.ts') },
      { find: /^signalbox\/lifecycle$/, replacement: source('src/core/lifecycle/index.ts') },
      { find: /^signalbox\/consuming$/, replacement: source('src/consuming/index.ts') },
      { find: /^signalbox\/relay$/, replacement: source('src/signalbox/relay.ts') },
      { find: /^signalbox\/(bus|formats)$/, replacement: source('src/delivery/$1/index.ts') },
      { find: /^signalbox\/(kafka|nats)$/, replacement: source('src/delivery/$1/index.ts') },
      { find: /^signalbox\/testing$/, replacement: source('src/testing/index.ts') },
      {
        find: /^signalbox\/(notifications|rpc)$/,
        replacement: source('src/outside/$1/index.ts'),
      },
      { find: /^signalbox\/server$/, replacement: source('src/server/index.ts') },
      {
        find: /^signalbox\/(check|diagram|trace|catalog)$/,
        replacement: source('src/tools/$1/index.ts'),
      },
    ],
  },
  test: {
    pool: 'forks',
    // The servers are shared; more workers than this only make them slower.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters:
      process.env['CI'] === undefined
        ? ['default']
        : ['default', ['json', { outputFile: 'reports/tests.json' }]],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{test,examples}/**/*.test.ts'],
          // The interop tests install packages of their own below test/.
          exclude: ['**/node_modules/**', ...needsServers, ...needsServersAndBuild, ...needsPeers],
          globalSetup: 'test/support/global-coverage.ts',
          setupFiles: 'test/support/lifecycle-coverage.ts',
        },
      },
      {
        extends: true,
        test: {
          name: 'servers',
          include: needsServers,
          globalSetup: 'test/support/global-setup.ts',
        },
      },
      {
        extends: true,
        test: {
          name: 'interop',
          include: needsPeers,
          globalSetup: [
            'test/support/global-setup.ts',
            'test/support/global-peers.ts',
            'test/support/global-build.ts',
          ],
          testTimeout: 120_000,
          // Joining a Kafka group is three seconds of waiting; waits may overlap.
          maxConcurrency: 20,
        },
      },
      {
        extends: true,
        test: {
          name: 'process',
          include: needsServersAndBuild,
          globalSetup: ['test/support/global-setup.ts', 'test/support/global-build.ts'],
          testTimeout: 120_000,
        },
      },
    ],
  },
});
