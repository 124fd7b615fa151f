import type { DataSource } from 'typeorm';
import { originSource } from '../context/origin-source.js';
import type { Bus } from '../delivery/bus/bus.js';
import { cloudEvents } from '../delivery/formats/cloudevents.js';
import type { Format } from '../delivery/formats/format.js';
import { createOutboxRelay, type Relay } from '../delivery/relay/relay.js';
import type { RelayListener } from '../delivery/relay/relay-notice.js';
import type { RelayOptions } from '../delivery/relay/relay-options.js';
import { wakeListener } from '../delivery/relay/wake.js';
import { openStore } from '../persistence/open-store.js';

/** Options of `createRelay()`. */
export interface RelaySetup {
  /** Your initialized DataSource. It needs no entities. */
  readonly dataSource: DataSource;
  /**
   * One bus or several. All relays of a database need the same buses, by name: any of them may take
   * any event.
   */
  readonly bus: Bus | readonly Bus[];
  /** Format of events on each bus that has none of its own. Default `cloudEvents`. */
  readonly format?: Format;
  /** Source of the relay's own alerts. Default `management-server`. */
  readonly source?: string;
  /** Receives notices: leases, lag, parked events, what is away. */
  readonly onNotice?: RelayListener;
  readonly options?: RelayOptions;
}

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
  const { dataSource, bus, format = cloudEvents, source = 'management-server' } = setup;
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
