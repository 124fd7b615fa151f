import { deadLetters } from './bus-conformance/dead-letters.js';
import { delivery } from './bus-conformance/delivery.js';
import { endings } from './bus-conformance/endings.js';
import type { BusConformanceOptions, ConformanceTest } from './bus-conformance/fixture.js';
import { onePool } from './bus-conformance/one-pool.js';
import { pools } from './bus-conformance/pools.js';
import { routing } from './bus-conformance/routing.js';

/**
 * What every bus must do, as tests for any runner. What an adapter declares in `capabilities` is
 * demanded of it; a test of what it does not declare passes without trying.
 *
 * @example
 * for (const { name, run } of busConformance({ open })) it(name, run);
 */
export function busConformance(options: BusConformanceOptions): readonly ConformanceTest[] {
  const bodies = { ...routing, ...delivery, ...pools, ...onePool, ...deadLetters, ...endings };
  return Object.entries(bodies).map(([name, body]) => ({
    name,
    run: async () => {
      const fixture = await options.open();
      try {
        const bus = await fixture.connect();
        await bus.connect();
        await body(bus, fixture, options);
      } finally {
        await fixture.dispose();
      }
    },
  }));
}
