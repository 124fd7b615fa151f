/** Codes of faults between committed and delivered events. */
export type DeliveryFaultCode =
  /** Committed, and neither delivered nor set aside. */
  | 'LOST'
  /** Delivered, and never committed. */
  | 'NOT_COMMITTED'
  /** Delivered under the id of a committed event, and not the same. */
  | 'ALTERED'
  /** Delivered for the first time behind a later event of its resource. */
  | 'OUT_OF_ORDER'
  /** The revisions of a resource in the journal are not 1, 2, 3 and so on. */
  | 'REVISION_GAP'
  /** A change begins in another state than the one before it ended in. */
  | 'CHAIN_BROKEN'
  /** A resource's row is not what its last event says. */
  | 'ROW_DISAGREES';

/** One fault. */
export interface DeliveryFault {
  readonly code: DeliveryFaultCode;
  /** One sentence that names the event or the resource. */
  readonly message: string;
  readonly id?: string;
  readonly uuid?: string;
}
