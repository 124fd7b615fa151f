import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { callSpan, inSpan } from '../../context/span.js';
import type { Bus, BusSubscription } from '../../delivery/bus/bus.js';
import { subscribeEvents } from '../../delivery/bus/event-subscription.js';
import { refuseUnusableList, wantedTenancy } from '../../core/events/filter.js';
import type { ResourceStateEvent } from '../../core/events/event.js';
import type { Format } from '../../delivery/formats/format.js';
import type { ResourceBinding } from '../../persistence/resource/binding.js';
import { databaseError } from '../../persistence/commit/database-errors.js';
import type { JournalStore } from '../../core/stores/journal-store.js';
import { backoff } from '../../delivery/kit/backoff.js';
import {
  type ConnectionUse,
  defaultStarvedAfter,
  WaitMonitor,
} from '../../persistence/wait-monitor.js';
import { ChangeBuffer } from './change-buffer.js';
import { readResources } from './read-resources.js';
import { currentBookmark } from './settled-position.js';
import type { WatchedResource, WatchEvent } from './watch-event.js';
import { watchedChange, WatchView, type WatchSelection } from './watch-view.js';

/** Options of a watch: its selection, and its start. */
export interface WatchOptions<TState extends string = string> extends WatchSelection<TState> {
  /**
   * - `'snapshot'` (default): every selected resource as it is, then each change.
   * - `'now'`: each change from now on.
   * - a bookmark of an earlier `synced`: each change since. When the journal has been purged beyond it,
   *   a `resync` (`expired`) and a whole snapshot.
   */
  readonly from?: 'snapshot' | 'now' | number;
  /**
   * How many changes wait for whoever iterates before they are given up for a resync. Default 10,000.
   */
  readonly buffer?: number;
  /**
   * Milliseconds between comparisons with the table, which find what no event told. Default 300,000;
   * `false` for none.
   */
  readonly reconcile?: number | false;
  /**
   * Milliseconds to wait for the database before `onFailure` is called with DATABASE_STARVED. Default 5000.
   */
  readonly starvedAfter?: number;
  /** Told of each failure of the database that is waited out. */
  readonly onFailure?: (error: unknown) => void;
}

interface WatchParts {
  readonly dataSource: DataSource;
  readonly journal: JournalStore;
  /** How much of the pool of connections is in use. */
  readonly connectionUse: () => ConnectionUse | undefined;
  readonly binding: ResourceBinding;
  readonly bus: Bus;
  /** How events look on a bus without a format of its own. */
  readonly format: Format;
  /** Bytes of an event that it takes. */
  readonly maxIncoming: number;
}

/** Records of the journal read at once. */
const page = 500;
const firstDelay = 100;
const longestDelay = 5_000;

/**
 * The resources of a type and each change to them, without end: iterate it, with `for await`. One
 * reader; leaving the loop closes it. Made by `signalbox.watch`.
 */
export class Watch<TState extends string = string>
  implements AsyncIterableIterator<WatchEvent<TState>>, AsyncDisposable
{
  readonly #parts: WatchParts;
  readonly #options: WatchOptions<TState>;
  readonly #buffer: ChangeBuffer;
  readonly #view: WatchView;
  readonly #waits: WaitMonitor;
  readonly #events: AsyncGenerator<WatchEvent>;
  readonly #onClose: () => void;
  readonly #abort = new AbortController();
  #subscription: BusSubscription | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  /** Whether a loop reads it: it comes back for the next event or closes it. */
  #looped = false;
  /** Whether the reader has an event that it has not come back from. */
  #handedOut = false;
  readonly #onReturn: (() => void)[] = [];

  /** @internal Use `signalbox.watch`. */
  constructor(parts: WatchParts, options: WatchOptions<TState>, onClose: () => void) {
    const { buffer = 10_000, reconcile = 300_000, from = 'snapshot' } = options;
    // What is there and selects nobody must be told: it has no SQL, and would watch nothing for ever.
    wantedTenancy(options);
    if (options.states !== undefined) refuseUnusableList(options.states, 'states');
    this.#parts = parts;
    this.#options = options;
    this.#onClose = onClose;
    this.#buffer = new ChangeBuffer(buffer);
    this.#view = new WatchView(options);
    this.#waits = new WaitMonitor({
      work: `The watch of ${parts.binding.resource}`,
      bound: options.starvedAfter ?? defaultStarvedAfter,
      use: parts.connectionUse,
      onStarved: (error) => options.onFailure?.(error),
    });
    this.#events = this.#run(from);
    if (reconcile !== false) {
      this.#timer = setInterval(() => this.#buffer.remind(), Math.min(reconcile, 2 ** 31 - 1));
      this.#timer.unref();
    }
  }

  /** @internal Subscribes; everything that changes from now on is told. Rejects as `subscribe` does. */
  async start(): Promise<void> {
    const { bus, format, binding, maxIncoming } = this.#parts;
    try {
      // What is there before the subscription is no news; what changes while it is made is found by the
      // first comparison.
      if (this.#options.from !== undefined && this.#options.from !== 'snapshot') {
        await this.#reading(async () => {
          for await (const row of this.#rows()) this.#view.load(row);
        });
      }
      this.#subscription = await subscribeEvents(
        bus,
        bus.format ?? format,
        { category: 'ResourceStateEvent', resource: binding.resource },
        (event: ResourceStateEvent) => {
          const change = watchedChange(event);
          if (change !== undefined) this.#buffer.push(change);
        },
        { prefetch: 1000, maxIncoming, onMissed: () => this.#buffer.lose('missed') },
      );
    } catch (error) {
      await this.close();
      throw error;
    }
    if (this.#closing !== undefined) await this.#subscription.unsubscribe();
  }

  async next(): Promise<IteratorResult<WatchEvent<TState>>> {
    this.#returned();
    if (this.#closing !== undefined) return { done: true, value: undefined };
    const next = (await this.#events.next()) as IteratorResult<WatchEvent<TState>>;
    this.#handedOut = next.done !== true;
    return next;
  }

  async return(): Promise<IteratorResult<WatchEvent<TState>>> {
    this.#returned();
    await this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    this.#looped = true;
    return this;
  }

  /** @internal What it receives its changes by. */
  get subscription(): BusSubscription | undefined {
    return this.#subscription;
  }

  /** @internal The bus of it. */
  get bus(): string {
    return this.#parts.bus.name;
  }

  /** @internal Closes it, and resolves when the loop that reads it has done its last round. */
  async finish(): Promise<void> {
    if (this.#looped) await this.#buffer.drained();
    const closed = this.close();
    if (this.#looped && this.#handedOut) {
      await new Promise<void>((resolve) => this.#onReturn.push(resolve));
    }
    await closed;
  }

  #returned(): void {
    this.#handedOut = false;
    this.#onReturn.splice(0).forEach((resolve) => resolve());
  }

  /** Ends the iteration and removes the subscription. Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    this.#buffer.close();
    this.#abort.abort();
    this.#onClose();
    await this.#subscription?.unsubscribe();
  }

  async *#run(from: 'snapshot' | 'now' | number): AsyncGenerator<WatchEvent> {
    if (from === 'snapshot') yield* this.#snapshot();
    else if (from === 'now') yield* this.#compare(false);
    else yield* this.#resume(from);
    while (!this.#buffer.closed) {
      const taken = await this.#buffer.take();
      if (taken.kind === 'closed') return;
      if (taken.kind === 'change') {
        const told = this.#view.apply(taken.change);
        if (told !== undefined) yield told;
      } else if (taken.kind === 'lost') {
        yield { type: 'resync', reason: taken.reason };
        yield* this.#compare(false);
      } else {
        yield* this.#compare(true);
      }
    }
  }

  /** Tells every selected resource as it is. The subscription is there, so nothing falls between. */
  async *#snapshot(): AsyncGenerator<WatchEvent> {
    const bookmark = await this.#patiently(() => currentBookmark(this.#parts.journal));
    if (bookmark === undefined) return;
    // Read whole before the first is told: a database that fails half-way is asked again from the start.
    await this.#patiently(async () => {
      this.#view.clear();
      for await (const row of this.#rows()) this.#view.load(row);
    });
    for (const resource of this.#view.selected()) yield { type: 'snapshot', resource };
    yield { type: 'synced', bookmark };
  }

  /** Tells what differs between the table and what was told. */
  async *#compare(patient: boolean): AsyncGenerator<WatchEvent> {
    const bookmark = await this.#patiently(() => currentBookmark(this.#parts.journal));
    if (bookmark === undefined) return;
    const told = await this.#patiently(async () => {
      // In memory first, for the same reason; what a failed reading has found stays found.
      const rows: WatchedResource[] = [];
      for await (const row of this.#rows()) rows.push(row);
      return rows;
    });
    if (told === undefined) return;
    this.#view.beginReading();
    for (const row of told) {
      const event = this.#view.seen(row, patient);
      if (event !== undefined) yield event;
    }
    yield* this.#view.finish(patient);
    yield { type: 'synced', bookmark };
  }

  /** Tells what the journal has since the bookmark, and then what differs from it. */
  async *#resume(bookmark: number): AsyncGenerator<WatchEvent> {
    const { journal, binding } = this.#parts;
    const past = new WatchView(this.#options, { isPartial: true });
    for (let after = bookmark; ;) {
      const read = await this.#patiently(async () => {
        const records = await journal.read({
          resource: binding.resource,
          category: 'ResourceStateEvent',
          after,
          limit: page,
        });
        // Asked after the reading: whatever was purged before it is noted by now.
        const { purged } = await journal.extent();
        return { records, purged };
      });
      if (read === undefined) return;
      if (read.purged > after) {
        yield { type: 'resync', reason: 'expired' };
        yield* this.#snapshot();
        return;
      }
      for (const { payload } of read.records) {
        const change = watchedChange(JSON.parse(payload) as ResourceStateEvent);
        const told = change && past.apply(change);
        if (told !== undefined) yield told;
      }
      const last = read.records.at(-1);
      if (last === undefined || read.records.length < page) break;
      after = last.position;
    }
    this.#view.adopt(past);
    yield* this.#compare(false);
  }

  #rows(): AsyncGenerator<WatchedResource> {
    const { dataSource, binding } = this.#parts;
    return readResources(dataSource, binding, this.#options);
  }

  /** Reads the database in a span of its own: what it has to say goes to whoever iterates, at any time. */
  #reading<T>(work: () => Promise<T>): Promise<T> {
    const { resource } = this.#parts.binding;
    return inSpan(
      () => callSpan('watch', resource, { 'signalbox.resource': resource }),
      () => this.#waits.watch(work),
    );
  }

  /** Tries until it works or the watch is closed: then undefined. Throws what no waiting mends. */
  async #patiently<T>(work: () => Promise<T>): Promise<T | undefined> {
    const delays = backoff(firstDelay, longestDelay);
    while (!this.#buffer.closed) {
      try {
        return await this.#reading(work);
      } catch (error) {
        const typed = databaseError(error);
        if (!typed.retryable) throw typed;
        this.#options.onFailure?.(typed);
        await delay(delays.next(), undefined, { signal: this.#abort.signal }).catch(
          () => undefined,
        );
      }
    }
    return undefined;
  }
}
