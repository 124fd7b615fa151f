import { maskAddresses } from './mask-addresses.js';

/** The longest message of an error that leaves the process, in characters: an event is no log. */
const longestMessage = 4096;

/** Pure. A message that may be told to others: passwords in addresses masked, and not overlong. */
export function sanitizeMessage(message: string): string {
  const masked = maskAddresses(message);
  return masked.length > longestMessage ? `${masked.slice(0, longestMessage)}…` : masked;
}
