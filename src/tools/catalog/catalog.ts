import type { Category } from '../../core/events/category.js';
import type { SignalboxEvent } from '../../core/events/event.js';
import type { JsonSchema } from '../../core/json/json-schema.js';

/** Every event that some lifecycles can announce. Plain JSON; equal lifecycles give equal catalogs. */
export interface Catalog {
  /** The lifecycles, in the order given. */
  readonly lifecycles: readonly { readonly resource: string; readonly version: number }[];
  /** By lifecycle; state changes first, in the order of their declaration. */
  readonly entries: readonly CatalogEntry[];
  /** The schema of each category that occurs: envelope and `data`. */
  readonly envelopes: Readonly<Partial<Record<Category, JsonSchema>>>;
}

/** One kind of event, on a channel of its own. */
export interface CatalogEntry {
  /** Unique and stable: `VirtualMachine.ResourceStateEvent.StartRequested`. */
  readonly id: string;
  readonly resource: string;
  readonly category: Category;
  /** The event's `type`, with its dots. */
  readonly type: string;
  /** The words of the routing key; `{source}` and `{uuid}` stand for what varies. */
  readonly address: readonly [string, string, string, string, string];
  /** One sentence on when it is announced. */
  readonly summary: string;
  /** The transitions that announce it, for a reader: `Stopped → Starting`. */
  readonly occasions: readonly string[];
  /** Schema that narrows the schema of its category. */
  readonly narrowing: JsonSchema;
  /** The whole schema: that of the category, narrowed. */
  readonly schema: JsonSchema;
  /** As the store announces it, with fixed ids and times. */
  readonly example: SignalboxEvent;
}
