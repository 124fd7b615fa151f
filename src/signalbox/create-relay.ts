import { originSource } from '../context/origin-source.js';
import { cloudEvents } from '../delivery/formats/cloudevents.js';
import { createOutboxRelay, type Relay } from '../delivery/relay/relay.js';
import { wakeListener } from '../delivery/relay/wake.js';
import { checkOptions } from '../core/options/check-options.js';
import { placementOf, placeTables } from '../persistence/tables/placed-tables.js';
import { openStore } from '../persistence/open-store.js';
import { relaySchema, type RelaySetup } from './signalbox-options.js';

export type { RelaySetup } from './signalbox-options.js';

/**
 * Creates a relay that publishes the outbox of a database; it does nothing before `start()`.
 * `createSignalbox` runs one unless told otherwise: use this to run relays in processes of their own.
 *
 * Several relays may work on one database. Each holds a lease on its part of the resources, publishes
 * their events with confirms, and removes them from the outbox when the bus has them: at least once,
 * in order for each resource, never before the commit.
 *
 * @throws ConfigurationError CONFIG_VALUE_INVALID when two buses share a name, or a name is malformed.
 *
 * @example
 * ```ts
 * const relay = createRelay({ dataSource, bus, format: cloudEvents, source: 'storage' });
 * relay.start();
 * process.once('SIGTERM', () => void relay.stop());
 * ```
 */
export function createRelay(setup: RelaySetup): Relay {
  checkOptions(relaySchema, setup);
  const { dataSource, bus, format = cloudEvents, source = 'signalbox-relay' } = setup;
  placeTables(dataSource, placementOf(setup));
  return createOutboxRelay({
    store: openStore(dataSource),
    buses: 'publish' in bus ? [bus] : bus,
    format,
    origin: originSource(source),
    wake: wakeListener(dataSource),
    listener: setup.onNotice,
    ...(setup.options === undefined ? {} : { options: setup.options }),
  });
}
