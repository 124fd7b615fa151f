import { connectBuses } from '../config/connect-bus.js';
import { loadFormats } from '../config/load-formats.js';
import type { Bus } from '../delivery/bus/bus.js';
import { ConfigurationError } from '../core/errors/errors.js';
import { settingsOf, type CommonFlags } from './settings.js';

/**
 * The buses of the configuration with the flags on top, not yet connected. Throws ConfigurationError
 * CONFIG_VALUE_INVALID where there is none.
 */
export async function requireBuses(flags: CommonFlags): Promise<readonly Bus[]> {
  const { bus: configured, formats } = await settingsOf(flags);
  const buses = await connectBuses(configured, await loadFormats(formats));
  if (buses.length > 0) return buses;
  throw new ConfigurationError(
    'CONFIG_VALUE_INVALID',
    'No bus is given. Pass --bus, set SIGNALBOX_BUS, or put it into signalbox.config.ts.',
    { parameters: { key: 'bus' } },
  );
}
