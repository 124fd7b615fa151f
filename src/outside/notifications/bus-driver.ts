import type { Bus } from '../../delivery/bus/bus.js';
import { cloudEvents } from '../../delivery/formats/cloudevents.js';
import type { Format } from '../../delivery/formats/format.js';
import { fromOslo, type FromOsloOptions } from '../../delivery/formats/oslo/from-oslo.js';
import type { NotificationDriver } from './driver.js';

/** How notifications go onto a bus of Signalbox. */
export interface BusDriverOptions extends Pick<FromOsloOptions, 'resources'> {
  /** Default the bus's own, and `cloudEvents` for a bus that has none. */
  readonly format?: Format;
}

/**
 * Publishes each notification as the event that `fromOslo` makes of it, and resolves with the broker's
 * confirm. The bus stays yours to close.
 */
export function busDriver(bus: Bus, options: BusDriverOptions = {}): NotificationDriver {
  const { format = bus.format ?? cloudEvents, ...mapping } = options;
  return {
    name: 'bus',
    async notify(notification, context) {
      const event = fromOslo({ ...notification, context }, mapping);
      await bus.publish(format.encode(event));
    },
  };
}
