import assert from 'node:assert/strict';
import { backPressure } from './bus-conformance/back-pressure.js';
import { confirms } from './bus-conformance/confirms.js';
import { deadLetters } from './bus-conformance/dead-letters.js';
import { delivery } from './bus-conformance/delivery.js';
import { endings } from './bus-conformance/endings.js';
import type {
  BusConformanceOptions,
  ConditionalBody,
  ConformanceBody,
  ConformanceGroup,
  ConformanceTest,
} from './bus-conformance/fixture.js';
import { interruptions } from './bus-conformance/interruptions.js';
import { onePool } from './bus-conformance/one-pool.js';
import { pools } from './bus-conformance/pools.js';
import { routing } from './bus-conformance/routing.js';
import { unavailable } from './bus-conformance/unavailable.js';

const groups: ConformanceGroup = {
  ...routing,
  ...confirms,
  ...delivery,
  ...unavailable,
  ...backPressure,
  ...pools,
  ...onePool,
  ...deadLetters,
  ...endings,
  ...interruptions,
};

/**
 * Conformance tests of a bus for any test runner: routing, confirms, order, redelivery, back-pressure,
 * pools, dead letters, endings and interruptions. What the adapter declares in `capabilities` is demanded
 * of it. A test of what it does not declare shows what happens instead, and says so in its name and its
 * `lacks`.
 *
 * @example
 * const { capabilities } = myBus({ url });
 * for (const { name, run } of busConformance({ open, capabilities })) it(name, run);
 */
export function busConformance(options: BusConformanceOptions): readonly ConformanceTest[] {
  return Object.entries(groups).map(([name, entry]) => {
    const lacks = typeof entry === 'function' ? undefined : lackOf(entry, options);
    const body = bodyOf(entry, lacks !== undefined);
    return {
      name: lacks === undefined ? name : `[without ${lacks.need}] ${name}`,
      ...(lacks === undefined ? {} : { lacks }),
      run: () => run(body, options),
    };
  });
}

function lackOf(
  { need }: ConditionalBody,
  { capabilities, untried = {} }: BusConformanceOptions,
): ConformanceTest['lacks'] {
  if (need === 'interrupt' || need === 'removePool') {
    const reason = untried[need];
    return reason === undefined ? undefined : { need, reason };
  }
  return capabilities[need] ? undefined : { need, reason: 'the adapter does not declare it' };
}

function bodyOf(entry: ConformanceBody | ConditionalBody, lacking: boolean): ConformanceBody {
  if (typeof entry === 'function') return entry;
  return lacking ? entry.otherwise : entry.body;
}

async function run(body: ConformanceBody, options: BusConformanceOptions): Promise<void> {
  const fixture = await options.open();
  try {
    const bus = await fixture.connect();
    assert.deepEqual(bus.capabilities, options.capabilities, 'what the bus declares');
    await bus.connect();
    await body(bus, fixture, options);
  } finally {
    await fixture.dispose();
  }
}
