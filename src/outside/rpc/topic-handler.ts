/** Facts of an event besides its payload. */
export interface EventInfo {
  readonly topic: string;
  /** Stable over every redelivery. */
  readonly id: string;
  /** The `emitter` of the manager that emitted it. */
  readonly emitter: string | undefined;
  /** Emitted by `emitLocal` of this manager, and not by way of the bus. */
  readonly local: boolean;
  /** 1 for the first try, +1 for each retry. */
  readonly attempt: number;
  /** The broker delivered it before, or it is a retry. */
  readonly redelivered: boolean;
}

/**
 * Handles an event. `signal` aborts when the subscription is closing. Subscribers of one topic share
 * the payload: read it only.
 */
export type TopicHandler<Payload> = (
  payload: Payload,
  event: EventInfo,
  signal: AbortSignal,
) => unknown;
