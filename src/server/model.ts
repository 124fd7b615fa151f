import type { ContentFilter } from './filter/content-filter.js';
import type { RetryPolicy } from './engine/retry-policy.js';

/**
 * How far an owner's view reaches, as CloudStack's webhooks have it: `local` is the events of one account,
 * `domain` those of a domain and all below it, `global` every event.
 */
export type Reach = 'local' | 'domain' | 'global';

/** Owner of the events that a caller may see or an endpoint receives. */
export interface Owner {
  /** Empty where the reach is not `local`. */
  readonly account: string;
  /** A path such as `ROOT/customers/acme`. Empty: of whichever domain. */
  readonly domain: string;
  readonly reach: Reach;
}

/** The owner of everything. */
export const everybody: Owner = { account: '', domain: '', reach: 'global' };

/**
 * `pending` until its owner has shown that it wants events; `active`; `disabled` after failing for too
 * long, or by hand; `catching-up` between re-enabling and the newest event; `ended` for good; `removed`
 * when it was deleted, for other processes to see.
 */
export type EndpointStatus =
  'pending' | 'active' | 'disabled' | 'catching-up' | 'ended' | 'removed';

/** How an endpoint is served; everything has a default. */
export interface EndpointSettings {
  /** Topic patterns or one: `*.*.*.VirtualMachine.#`. Default every event. */
  readonly topics?: readonly string[];
  /** Conditions on the event's content, in SNS's language. */
  readonly content?: ContentFilter;
  /** When a failed delivery is tried again. */
  readonly retry?: RetryPolicy;
  /** The same for single categories. */
  readonly retryByCategory?: Readonly<Record<string, RetryPolicy>>;
  /** Deliveries under way at once. Default 4. */
  readonly concurrency?: number;
  /** Deliveries a second at most. Default without limit. */
  readonly throttle?: number;
  /** Milliseconds that a delivery may take. Default 15,000. */
  readonly timeout?: number;
  /** Milliseconds of failures only, after which it is disabled. Default 5 days. */
  readonly disableAfter?: number;
  /** Settings of the channel, such as the format and headers of a webhook. */
  readonly channel?: Readonly<Record<string, unknown>>;
}

/** A signing key of an endpoint. */
export interface EndpointSecret {
  readonly id: string;
  /** `whsec_…` or `whsk_…`. */
  readonly key: string;
  /** Milliseconds since 1970 after which it is no longer used; absent for the newest. */
  readonly until?: number;
}

/** A receiver of events: a row of `signalbox_endpoint`. */
export interface Endpoint {
  readonly id: string;
  readonly channel: string;
  /** A URL, or what the channel takes instead. */
  readonly address: string;
  readonly name: string;
  readonly owner: Owner;
  /** Whether the order of each resource is kept. */
  readonly ordered: boolean;
  readonly lane: number;
  readonly status: EndpointStatus;
  readonly reason: string;
  readonly statusAt: number;
  readonly failingSince: number | null;
  /** Failures in a row. */
  readonly failures: number;
  /** The number of the last event that was considered for it, while it is not active. */
  readonly considered: number;
  readonly settings: EndpointSettings;
  readonly secrets: readonly EndpointSecret[];
  readonly expiresAt: number | null;
  readonly createdAt: number;
  readonly version: number;
}

/** An event as the service keeps it. */
export interface LoggedEvent {
  /** Without gaps, in the order of commit: a reader that has n has everything up to n. */
  readonly seq: number;
  readonly id: string;
  readonly category: string;
  readonly type: string;
  readonly resource: string | null;
  readonly uuid: string | null;
  readonly revision: number | null;
  readonly time: string;
  readonly account: string | null;
  readonly domain: string | null;
  readonly project: string | null;
  /** CloudEvents JSON. */
  readonly payload: string;
}

/** `due` until it is delivered, is given up (`dead`) or is dropped. */
export type DeliveryStatus = 'due' | 'delivered' | 'dead' | 'dropped';

/** One event for one endpoint. */
export interface Delivery {
  readonly id: string;
  readonly endpoint: string;
  readonly eventSeq: number;
  /** The replay that asked for it; empty for the event itself. */
  readonly replay: string;
  readonly resourceKey: string;
  readonly revision: number | null;
  readonly status: DeliveryStatus;
  readonly nextAt: number;
  readonly attempts: number;
  /** How the last attempt ended: `2xx`, `5xx`, `timeout`. */
  readonly outcome: string;
  readonly createdAt: number;
  readonly settledAt: number | null;
}

/** A delivery that is due, with its event. */
export interface DueDelivery extends Delivery {
  readonly event: LoggedEvent;
  /** Revisions that were given up before it and since the last that was delivered; null for none. */
  readonly gap: { readonly from: number; readonly to: number } | null;
}

/** One try of a delivery. */
export interface Attempt {
  readonly delivery: string;
  readonly endpoint: string;
  readonly startedAt: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly outcome: string;
  readonly status: number | null;
  readonly error: string | null;
  /** The beginning of the receiver's answer, for administrators only. */
  readonly body: string | null;
}
