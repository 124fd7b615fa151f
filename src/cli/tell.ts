import { maskAddresses } from '../core/errors/mask-addresses.js';
import { printableLines } from './printable.js';

/**
 * Writes lines for a person on standard error, without the passwords of addresses: one that was typed in
 * the wrong place must not get into the log of whatever runs the command.
 */
export function tell(text: string): void {
  process.stderr.write(`${printableLines(maskAddresses(text))}\n`);
}
