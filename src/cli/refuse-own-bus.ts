import type { Bus } from '../delivery/bus/bus.js';
import { ConfigurationError } from '../core/errors/errors.js';

/**
 * Pure. Throws ConfigurationError CONFIG_VALUE_INVALID for a bus of this process alone: nobody else
 * publishes on it or reads from it, so that a command would wait for nothing, or publish to nobody.
 */
export function refuseOwnBus(buses: readonly Bus[]): void {
  const own = buses.find(({ capabilities }) => !capabilities.durable);
  if (own === undefined) return;
  throw new ConfigurationError(
    'CONFIG_VALUE_INVALID',
    'memory: is the bus of one process, and no other reaches it. Give the address of a broker.',
    { parameters: { key: 'bus', name: own.name } },
  );
}
