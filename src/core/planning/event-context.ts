/**
 * Where an event comes from: what it says besides what happened. Fixed when the caller asks, before
 * any waiting, so that `time` is when it was asked for and ids rise in the order of asking.
 */
export interface EventContext {
  /** Publisher: the first word of the routing key. */
  readonly source: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly actor?: string;
  readonly correlationId?: string;
  readonly causationId?: string;
  /** W3C trace context. */
  readonly traceparent?: string;
}

/** Owner of a resource; read from its row. */
export interface Tenancy {
  readonly account?: string | null;
  readonly domain?: string | null;
  readonly project?: string | null;
}
