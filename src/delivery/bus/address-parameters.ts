/**
 * Pure. The first part of an address that would be passed over: a parameter that is not known or is given
 * twice, or a fragment; undefined when there is none. It must be refused by name: it may ask for TLS, or be
 * the rest of a password with a `#`.
 */
export function unreadPart(
  { searchParams, hash }: Pick<URL, 'searchParams' | 'hash'>,
  known: readonly string[] = [],
): string | undefined {
  const names = [...searchParams.keys()];
  const unread = names.find((name, index) => !known.includes(name) || names.indexOf(name) < index);
  if (unread !== undefined)
    return `the parameter ${unread}${known.includes(unread) ? ' twice' : ''}`;
  return hash === '' ? undefined : "a '#', which is %23 in a password";
}
