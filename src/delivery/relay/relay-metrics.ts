import { openTelemetry } from '../../context/open-telemetry.js';
import type { OutboxDepth } from '../../core/stores/outbox-store.js';

/** Counters of a relay since it was created. */
export interface RelayCounts {
  /** Events that a bus has taken; an event counts once for each bus. */
  readonly published: number;
  /** Of those, events that no binding wanted. */
  readonly unroutable: number;
  readonly parked: number;
  /** Publishes that failed and were put back to be tried again. */
  readonly retried: number;
}

type CountName = keyof RelayCounts;

/**
 * Counts what a relay does, for itself and for OpenTelemetry: `signalbox.relay.published`,
 * `.unroutable`, `.parked` and `.retried` by bus, and of the whole outbox `signalbox.outbox.pending`,
 * `.parked`, `.held` and `.age` (milliseconds).
 *
 * Where the outbox was not measured for `staleAfter`, nobody knows how full it is: the numbers of events are
 * reported no more, and the age goes on rising, so that an alert on it fires when the database is away.
 */
export class RelayMetrics {
  readonly #counts = { published: 0, unroutable: 0, parked: 0, retried: 0 };
  readonly #counters;
  readonly #unregister: (() => void) | undefined;
  readonly #now: () => number;
  #depth: OutboxDepth | undefined;
  #measuredAt: number;

  /**
   * @param staleAfter Milliseconds.
   * @param now A monotonic clock.
   */
  constructor(staleAfter: number, now: () => number = () => performance.now()) {
    this.#now = now;
    this.#measuredAt = now();
    const meter = openTelemetry()?.metrics.getMeter('signalbox');
    if (meter === undefined) return;
    this.#counters = {
      published: meter.createCounter('signalbox.relay.published', { unit: '{event}' }),
      unroutable: meter.createCounter('signalbox.relay.unroutable', { unit: '{event}' }),
      parked: meter.createCounter('signalbox.relay.parked', { unit: '{event}' }),
      retried: meter.createCounter('signalbox.relay.retried', { unit: '{event}' }),
    };
    const gauge = (name: string, unit: string) =>
      meter.createObservableGauge(`signalbox.outbox.${name}`, { unit });
    const pending = gauge('pending', '{event}');
    const parked = gauge('parked', '{event}');
    const held = gauge('held', '{event}');
    const age = gauge('age', 'ms');
    const gauges = [pending, parked, held, age];
    const callback: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
      const since = this.#now() - this.#measuredAt;
      if (since > staleAfter) {
        result.observe(age, (this.#depth?.oldestAge ?? 0) + Math.round(since));
        return;
      }
      if (this.#depth === undefined) return;
      result.observe(pending, this.#depth.pending);
      result.observe(parked, this.#depth.parked);
      result.observe(held, this.#depth.held);
      result.observe(age, this.#depth.oldestAge);
    };
    meter.addBatchObservableCallback(callback, gauges);
    this.#unregister = () => meter.removeBatchObservableCallback(callback, gauges);
  }

  get counts(): RelayCounts {
    return { ...this.#counts };
  }

  count(name: CountName, bus: string, events = 1): void {
    this.#counts[name] += events;
    this.#counters?.[name].add(events, { bus });
  }

  measured(depth: OutboxDepth): void {
    this.#depth = depth;
    this.#measuredAt = this.#now();
  }

  /** Stops reporting the outbox. */
  close(): void {
    this.#unregister?.();
  }
}
