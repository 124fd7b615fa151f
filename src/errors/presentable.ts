/** The longest message of an error that leaves the process, in characters: an event is no log. */
const longestMessage = 4096;

/**
 * A password in an address, as messages of drivers may quote it: up to the last `@`, because a password
 * may hold `/` and `@` unescaped. Its length is bounded, so that no message takes long to search.
 */
const passwordInUrl = /(:\/\/[^\s:/@]{0,256}):\S{0,512}@/g;

/** Pure. A message that may be told to others: passwords in addresses masked, and not overlong. */
export function presentable(message: string): string {
  const masked = message.replace(passwordInUrl, '$1:***@');
  return masked.length > longestMessage ? `${masked.slice(0, longestMessage)}…` : masked;
}
