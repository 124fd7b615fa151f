import { ConfigurationError } from '../../core/errors/errors.js';
import type { OutboxStore, RegisteredBus } from '../../core/stores/outbox-store.js';
import type { Bus } from '../bus/bus.js';
import { isSameTarget } from '../bus/bus-target.js';

/**
 * Notes that events of an application go to these buses, and resolves with every bus noted. Rejects with
 * ConfigurationError BUS_REGISTERED_OTHERWISE where another process publishes elsewhere under the same name:
 * each would take events that the other's consumers wait for.
 */
export async function registerBuses(
  outbox: Pick<OutboxStore, 'registerBuses'>,
  buses: readonly Bus[],
): Promise<readonly RegisteredBus[]> {
  const registered = await outbox.registerBuses(
    buses.map(({ name, target }) => ({ name, target: target ?? null })),
  );
  for (const { name, target } of buses) {
    const known = registered.find((each) => each.name === name)?.target;
    if (target !== undefined && known != null && !isSameTarget(known, target)) {
      throw registeredOtherwise(name, known, target);
    }
  }
  return registered;
}

function registeredOtherwise(name: string, known: string, target: string): ConfigurationError {
  return new ConfigurationError(
    'BUS_REGISTERED_OTHERWISE',
    `The bus '${name}' of this application publishes to ${known}, and here it would publish to ${target}: ` +
      `either would take events from the other. If these are two products, give each a \`source\` or an ` +
      `\`application\` of its own; if they are two buses of one product, give each a \`name\`. If the bus ` +
      `has moved, stop what publishes to the old place and run \`signalbox buses forget ${name}\`.`,
    { parameters: { bus: name, known, target } },
  );
}
