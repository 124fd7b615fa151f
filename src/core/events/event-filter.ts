import type { Category } from './category.js';
import type { FilterResource } from './filter-resource.js';

/** One value, or any of several. */
export type OneOrMore<T> = T | readonly T[];

/**
 * Filter by owner: events of resources of these owners, as the event names them. A list matches any of its
 * values; one that is absent matches anything. No part of the routing key: an event is compared when it
 * has been read, and the broker hands over what the other properties let through.
 */
export interface TenancyFilter {
  readonly account?: OneOrMore<string>;
  readonly domain?: OneOrMore<string>;
  readonly project?: OneOrMore<string>;
}

/**
 * Filter of the events to receive. Each property of its own names one word of the routing key; one that is
 * absent, or `'*'`, matches anything; a list matches any of its values. Properties are joined by "and".
 */
export interface EventFilter extends TenancyFilter {
  /** Name of the publisher. */
  readonly source?: OneOrMore<string>;
  /** Narrows the event that the handler gets. */
  readonly category?: OneOrMore<Category | '*'>;
  /**
   * A lifecycle event (`StartRequested`) or an event type (`VM.START`, with its dots). Calls that take a
   * filter hold it to the types that are known; see `foreignType`.
   */
  readonly type?: OneOrMore<string>;
  /** An entity class or another that names a lifecycle, whose events `type` may then name; or a name. */
  readonly resource?: OneOrMore<FilterResource>;
  /** The resource's uuid, in lower case. */
  readonly uuid?: OneOrMore<string>;
}

/** A filter, a topic pattern of five words such as `*.*.*.VirtualMachine.#`, or several of either. */
export type EventSelection = OneOrMore<EventFilter | string>;
