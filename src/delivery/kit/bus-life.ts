import { busClosed } from './bus-closed.js';

interface Managed {
  start(): Promise<void>;
  unsubscribe(): Promise<unknown>;
}

/** The life of a bus from its creation to `close`: its subscriptions, and what ends with it. */
export class BusLife<TSubscription extends Managed> {
  readonly #bus: string;
  readonly #subscriptions = new Set<TSubscription>();
  #closing: Promise<void> | undefined;

  /** @param bus The name of the bus, for errors. */
  constructor(bus: string) {
    this.#bus = bus;
  }

  /** The subscriptions that have started and not ended. */
  get subscriptions(): Iterable<TSubscription> {
    return this.#subscriptions;
  }

  /** Throws ClosedError once `close` was called. */
  assertOpen(): void {
    if (this.#closing !== undefined) throw busClosed(this.#bus);
  }

  /**
   * Starts a subscription and keeps it until `ended`. One that starts while the bus closes is ended
   * too. Rejects with what `start` rejects with.
   *
   * @param options.endsWhileStarting `close` calls its `unsubscribe` even before it has started.
   */
  async start(
    subscription: TSubscription,
    { endsWhileStarting = false }: { readonly endsWhileStarting?: boolean } = {},
  ): Promise<TSubscription> {
    if (endsWhileStarting) this.#subscriptions.add(subscription);
    try {
      await subscription.start();
    } catch (error) {
      this.#subscriptions.delete(subscription);
      throw error;
    }
    if (!endsWhileStarting) this.#subscriptions.add(subscription);
    if (this.#closing !== undefined) await subscription.unsubscribe();
    return subscription;
  }

  /** Forgets a subscription that has ended. */
  ended(subscription: TSubscription): void {
    this.#subscriptions.delete(subscription);
  }

  /**
   * Ends the subscriptions, then calls `end`. Later calls return the same promise.
   *
   * @param end Closes what the subscriptions used.
   */
  close(end: () => Promise<void>): Promise<void> {
    this.#closing ??= this.#end(end);
    return this.#closing;
  }

  async #end(end: () => Promise<void>): Promise<void> {
    await Promise.all([...this.#subscriptions].map((each) => each.unsubscribe()));
    await end();
  }
}
