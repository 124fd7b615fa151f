import { defaultStarvedAfter } from '../../persistence/wait-monitor.js';
import { milliseconds, oneOf, whole, type Fields } from '../../core/options/fields.js';

/** How a relay works. All times are in milliseconds. */
export interface RelayOptions {
  /**
   * Rows a read. Default 1000. More is hardly faster; fewer takes less memory where payloads are
   * large: a relay holds up to two batches for each bus.
   */
  readonly batch?: number;
  /**
   * Events under way to a bus at once, no two of the same resource. Default 1000. Fewer are kinder to
   * a broker that others partition.
   */
  readonly window?: number;
  /**
   * How often the outbox is read although nobody woke the relay. Default 1000 with a wake listener
   * (then it is a safety net), 200 without one: events of other processes wait that long at most.
   */
  readonly pollInterval?: number;
  /**
   * For how long the partitions of a dead relay stay its own. Default 10,000. Shorter takes over sooner,
   * and gives up sooner when the database is slow; at least 500.
   */
  readonly leaseDuration?: number;
  /** How long `stop` waits for what was committed before it to be published. Default 10,000. */
  readonly stopTimeout?: number;
  /**
   * Handling of an event that no binding matches: `count` (the default) counts it and goes on, `hold`
   * parks it and holds back its resource until an operator retries or drops it.
   */
  readonly unroutable?: 'count' | 'hold';
  /** The first delay after a failure; doubles up to `maxRetryDelay`. Default 100. */
  readonly retryDelay?: number;
  /** The longest delay after failures. Default 5000. */
  readonly maxRetryDelay?: number;
  /** The age of the oldest pending event that raises the alarm. Default 60,000. */
  readonly lagBound?: number;
  /** How often depth and age of the outbox are measured. Default 10,000. */
  readonly sampleInterval?: number;
  /**
   * How long the relay waits for a connection or an answer of the database before it reports so
   * (`starved`, and `ALERT.DATABASE.STARVED` afterwards). Default 5000; less than `leaseDuration`.
   */
  readonly starvedAfter?: number;
}

/** Schema of the relay's options, for code and the configuration file. */
export const relayFields: Fields<RelayOptions> = {
  batch: whole(1, 10_000),
  window: whole(1, 100_000),
  pollInterval: milliseconds(1),
  leaseDuration: milliseconds(500),
  stopTimeout: milliseconds(0),
  unroutable: oneOf('count', 'hold'),
  retryDelay: milliseconds(1),
  maxRetryDelay: milliseconds(1),
  lagBound: milliseconds(1),
  sampleInterval: milliseconds(1),
  starvedAfter: milliseconds(1),
};

/** Options with their defaults filled in. */
export type ResolvedRelayOptions = Required<RelayOptions>;

/** Fills in the defaults. Pure. */
export function resolveRelayOptions(
  options: RelayOptions,
  { listening }: { readonly listening: boolean },
): ResolvedRelayOptions {
  return {
    batch: options.batch ?? 1000,
    window: options.window ?? 1000,
    pollInterval: options.pollInterval ?? (listening ? 1000 : 200),
    leaseDuration: options.leaseDuration ?? 10_000,
    stopTimeout: options.stopTimeout ?? 10_000,
    unroutable: options.unroutable ?? 'count',
    retryDelay: options.retryDelay ?? 100,
    maxRetryDelay: options.maxRetryDelay ?? 5000,
    lagBound: options.lagBound ?? 60_000,
    sampleInterval: options.sampleInterval ?? 10_000,
    starvedAfter: options.starvedAfter ?? defaultStarvedAfter,
  };
}
