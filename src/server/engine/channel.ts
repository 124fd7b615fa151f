import type { DueDelivery, Endpoint, EndpointSettings, LoggedEvent, Owner } from '../model.js';

/** How a try ended, as a channel tells it. */
export interface Outcome {
  /**
   * `delivered`; `retry` when it may succeed later; `dead` when this event never will; `gone` when the
   * endpoint wants no more events.
   */
  readonly result: 'delivered' | 'retry' | 'dead' | 'gone';
  /** A short class for lists and metrics: `2xx`, `5xx`, `timeout`, `connect`, `guard`. */
  readonly outcome: string;
  /** The status of the answer, where the channel has one. */
  readonly status?: number;
  /** Why it failed, without secrets. */
  readonly error?: string;
  /** The beginning of the answer; shown to administrators only. */
  readonly body?: string;
  /** Milliseconds that the receiver asks for. Honoured up to an hour, and not charged as a try. */
  readonly retryAfter?: number;
  /** Whether the endpoint fails, and not this event only. Default true for `retry`. */
  readonly endpointFails?: boolean;
}

/** A delivery as a channel receives it. */
export interface ChannelDelivery {
  readonly endpoint: Endpoint;
  readonly event: LoggedEvent;
  /** Of this delivery; the same at each try. */
  readonly id: string;
  /** The id of the replay; empty for none. */
  readonly replay: string;
  /** 1 for the first try. */
  readonly attempt: number;
  /** For ordered endpoints: revisions of the resource that were given up before; else null. */
  readonly gap: DueDelivery['gap'];
  readonly isTest: boolean;
}

/** Request to create or change an endpoint. */
export interface EndpointRequest {
  readonly address: string;
  readonly owner: Owner;
  readonly settings: EndpointSettings;
}

/** A way to endpoints: webhooks, mail, or one of your own. */
export interface Channel {
  /** Lower case letters, digits and `-`. */
  readonly name: string;
  /**
   * Checks an address and the channel's settings before an endpoint is created or changed. Rejects with
   * RefusedError; then nothing is stored.
   */
  check(request: EndpointRequest): void | Promise<void>;
  /**
   * Asks the receiver whether it wants events, before the first. Resolves with true when it has shown so,
   * and with false when it will do so later through `signalbox` (a mail with a link). Absent where nothing
   * needs to be shown.
   */
  confirm?(
    endpoint: Endpoint,
    signal: AbortSignal,
  ): Promise<{ readonly confirmed: boolean; readonly reason?: string }>;
  /** Returns the host of an endpoint, by which deliveries under way are bounded besides the endpoint. */
  host(endpoint: Endpoint): string;
  /** Delivers once. Resolves with how it ended; what it throws is taken for a failure worth a retry. */
  deliver(delivery: ChannelDelivery, signal: AbortSignal): Promise<Outcome>;
  /** Frees what it holds. */
  close?(): Promise<void>;
}

/**
 * Types a channel of your own; returns it unchanged. Pass it to `notificationService({ channels })`.
 *
 * @example
 * const pager = defineChannel({
 *   name: 'pager',
 *   check: () => undefined,
 *   host: () => 'pager',
 *   async deliver({ endpoint, event }) {
 *     await page(endpoint.address, event.type);
 *     return { result: 'delivered', outcome: 'sent' };
 *   },
 * });
 */
export function defineChannel(channel: Channel): Channel {
  return channel;
}
