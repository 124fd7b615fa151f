import { maskAddresses } from '../core/errors/mask-addresses.js';
import { type LogLevel, logRecord } from './log-record.js';
import { printableLines } from './printable.js';

/** Writes a record of the log, now, on standard error. */
export function tellRecord(
  level: LogLevel,
  message: string,
  fields?: Readonly<Record<string, string>>,
): void {
  process.stderr.write(`${logRecord(new Date().toISOString(), level, message, fields)}\n`);
}

/**
 * Writes lines for a person on standard error, without the passwords of addresses: one that was typed in
 * the wrong place must not get into the log of whatever runs the command.
 */
export function tell(text: string): void {
  process.stderr.write(`${printableLines(maskAddresses(text))}\n`);
}
