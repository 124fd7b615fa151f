import { selectionMatcher } from '../delivery/topic/selection-matcher.js';
import type { SelectedEvent } from '../delivery/bus/event-subscription.js';
import type { SignalboxEvent } from '../core/events/event.js';
import type { EventTypes } from '../core/events/event-types.js';
import type { EventSelection } from '../core/events/event-filter.js';
import { bindingPatterns } from '../core/events/filter.js';
import type { KnownSelection } from '../core/events/known-selection.js';
import { routingKeyOf } from '../core/events/routing-key.js';
import { ExpectationError } from './expectation-error.js';

/** How long to wait for an event. */
export interface WaitOptions {
  /** Milliseconds of real time until it gives up. Default 5000: it bounds a failure, no more. */
  readonly timeout?: number;
  /** How many events to wait for. Default 1. */
  readonly count?: number;
}

interface Waiting {
  readonly check: () => void;
}

/**
 * Keeps the events it is given, in order, to be asked for by the filters of `subscribe`. Give its
 * `record` to a subscription of a real bus; the events of `simulate()` are one already. Filters name any
 * event type, or with `new RecordedEvents<typeof eventTypes>()` only those that are declared.
 *
 * @example
 * ```ts
 * const events = new RecordedEvents();
 * await signalbox.subscribe('#', events.record);
 * const started = await events.waitFor({ category: 'UsageEvent', type: 'VM.START', uuid });
 * ```
 */
export class RecordedEvents<E extends EventTypes = EventTypes> implements Iterable<SignalboxEvent> {
  readonly #events: SignalboxEvent[] = [];
  readonly #waiting = new Set<Waiting>();

  /** Keeps an event. Bound: pass it as a handler. */
  readonly record = (event: SignalboxEvent): void => {
    this.#events.push(event);
    for (const { check } of this.#waiting) check();
  };

  /** Every event so far, oldest first. A copy. */
  get all(): readonly SignalboxEvent[] {
    return [...this.#events];
  }

  [Symbol.iterator](): Iterator<SignalboxEvent> {
    return this.all[Symbol.iterator]();
  }

  /**
   * The events so far that a subscription with this selection would have received, oldest first.
   * Throws RefusedError FILTER_INVALID for a selection that can match nothing.
   */
  where<const S extends EventSelection>(
    selection: KnownSelection<S, E>,
  ): readonly SelectedEvent<S>[] {
    return this.#events.filter(matcher(selection)) as SelectedEvent<S>[];
  }

  /**
   * Resolves with the first event that matches, at once when it has come already. Rejects with an
   * `ExpectationError` that lists what came instead when the time is up, and with RefusedError
   * FILTER_INVALID as `where` does. With a `count`, waits for so many and resolves with the last.
   */
  async waitFor<const S extends EventSelection>(
    selection: KnownSelection<S, E>,
    { timeout = 5000, count = 1 }: WaitOptions = {},
  ): Promise<SelectedEvent<S>> {
    const matches = matcher(selection);
    const find = (): SelectedEvent<S> | undefined =>
      this.#events.filter(matches)[count - 1] as SelectedEvent<S> | undefined;
    const found = find();
    if (found !== undefined) return found;
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        check: () => {
          const event = find();
          if (event === undefined) return;
          end();
          resolve(event);
        },
      };
      const timer = setTimeout(() => {
        end();
        reject(this.#timedOut(selection, timeout));
      }, timeout);
      const end = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(waiting);
      };
      this.#waiting.add(waiting);
    });
  }

  /** Forgets every event so far. */
  clear(): void {
    this.#events.length = 0;
  }

  #timedOut(selection: EventSelection, timeout: number): ExpectationError {
    // A filter may hold a whole lifecycle.
    const patterns = bindingPatterns(selection);
    const last = this.#events.slice(-shownEvents).map(routingKeyOf);
    const came = last.length === 0 ? 'Nothing came.' : `The last that came: ${last.join(', ')}.`;
    return new ExpectationError(
      `No event matched ${patterns.join(', ')} within ${timeout} ms. ${came}`,
      { expected: patterns, actual: last, operator: 'waitFor' },
    );
  }
}

// More of them would hide the one that was nearly right.
const shownEvents = 10;

function matcher(selection: EventSelection): (event: SignalboxEvent) => boolean {
  const { matches } = selectionMatcher(selection);
  return (event) => matches(routingKeyOf(event), () => event);
}
