import { maskAddresses } from '../core/errors/mask-addresses.js';
import type { RelayNotice } from '../delivery/relay/relay-notice.js';

/** How urgent a line of a log is. */
export type LogLevel = 'info' | 'warn' | 'error';

const levels: Readonly<Record<RelayNotice['type'], LogLevel>> = {
  'partitions-changed': 'info',
  'lease-lost': 'warn',
  'bus-unavailable': 'warn',
  'bus-recovered': 'info',
  unroutable: 'warn',
  parked: 'error',
  'database-unavailable': 'warn',
  'bus-refused': 'error',
  starved: 'warn',
  served: 'info',
  'database-recovered': 'info',
  lagging: 'warn',
  'caught-up': 'info',
};

/** How urgent a notice of a relay is. Pure. */
export function levelOf({ type }: RelayNotice): LogLevel {
  return levels[type];
}

/**
 * One line of a log as JSON, for programs that gather logs. Pure. Passwords of addresses are masked.
 *
 * @param time RFC 3339.
 */
export function logRecord(
  time: string,
  level: LogLevel,
  message: string,
  fields: Readonly<Record<string, string>> = {},
): string {
  return JSON.stringify({ time, level, message: maskAddresses(message), ...fields });
}
