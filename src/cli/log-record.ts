import { maskAddresses } from '../core/errors/mask-addresses.js';
import type { RelayNotice } from '../delivery/relay/relay-notice.js';

/** How urgent a line of a log is. */
export type LogLevel = 'info' | 'warn' | 'error';

const levels: Readonly<Record<RelayNotice['kind'], LogLevel>> = {
  partitionsChanged: 'info',
  leaseLost: 'warn',
  busUnavailable: 'warn',
  busRecovered: 'info',
  unroutable: 'warn',
  parked: 'error',
  databaseUnavailable: 'warn',
  busRefused: 'error',
  starved: 'warn',
  served: 'info',
  databaseRecovered: 'info',
  lagging: 'warn',
  caughtUp: 'info',
};

/** How urgent a notice of a relay is. Pure. */
export function levelOf({ kind }: RelayNotice): LogLevel {
  return levels[kind];
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
