/**
 * Pure. The first parameter in the query of an address that is not known; undefined when there is none.
 * What is not known must be refused by name: one that asks for TLS, say, would else be passed over.
 */
export function unknownParameter(
  query: URLSearchParams,
  known: readonly string[] = [],
): string | undefined {
  return [...query.keys()].find((name) => !known.includes(name));
}
