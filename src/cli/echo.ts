import { maskAddresses } from '../core/errors/mask-addresses.js';
import { printable } from './printable.js';

/** Pure. An argument as it may be told on standard output: on one line, without the password of an address. */
export function echo(argument: string): string {
  return printable(maskAddresses(argument));
}
