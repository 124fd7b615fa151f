import type { Configuration } from './configuration-schema.js';

// The schema takes long to load and only the command line checks files: types only here.
export type { BusConfiguration, Configuration } from './configuration-schema.js';

/**
 * Types a configuration file in an editor; returns it unchanged.
 *
 * @example
 * ```ts
 * // signalbox.config.ts
 * export default defineConfig({ database: 'postgres://…', bus: 'amqp://…' });
 * ```
 */
export function defineConfig(configuration: Configuration): Configuration {
  return configuration;
}
