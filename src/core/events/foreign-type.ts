/** An event type that somebody else declares; made by `foreignType`. */
export type ForeignType = string & {
  /** Type only: never set at run time. */
  readonly '~foreign': true;
};

/**
 * Pure. The name as it is, for a filter on an event type that neither this program declares nor CloudStack
 * has: nothing holds its spelling but you.
 *
 * @example
 * await signalbox.subscribe(
 *   { source: 'billing', category: 'ActionEvent', type: foreignType('INVOICE.SEND') },
 *   (event) => {},
 * );
 */
export function foreignType(name: string): ForeignType {
  return name as ForeignType;
}
