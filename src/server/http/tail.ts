import { everybody, type LoggedEvent } from '../model.js';
import { Wakeup } from '../../delivery/kit/wakeup.js';
import type { EventStore } from '../store/event-store.js';

type Follower = (events: readonly LoggedEvent[]) => void;

/** Reads new events once for every open stream, in their order, whichever process took them. */
export class Tail {
  readonly #events: EventStore;
  readonly #poll: number;
  readonly #onFailure: (error: unknown) => void;
  readonly #followers = new Set<Follower>();
  readonly #wakeup = new Wakeup();
  #position = 0;
  #running: Promise<void> | undefined;
  #starting: Promise<void> | undefined;
  #stopping = false;

  constructor(events: EventStore, poll: number, onFailure: (error: unknown) => void) {
    this.#events = events;
    this.#poll = poll;
    this.#onFailure = onFailure;
  }

  /** Open streams. */
  get size(): number {
    return this.#followers.size;
  }

  /** Calls back with every event behind the number that it resolves with. */
  async follow(follower: Follower): Promise<{ readonly position: number; end(): void }> {
    if (this.#running === undefined) {
      this.#starting ??= this.#events.head().then((head) => {
        this.#position = head;
      });
      await this.#starting;
      this.#starting = undefined;
    }
    this.#followers.add(follower);
    const position = this.#position;
    this.#running ??= this.#run();
    return { position, end: () => this.#followers.delete(follower) };
  }

  /** Looks at once. */
  wake(): void {
    this.#wakeup.set();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wakeup.set();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping && this.#followers.size > 0) {
      try {
        const events = await this.#events.read({
          owner: everybody,
          after: this.#position,
          order: 'oldest',
          limit: 500,
        });
        if (events.length > 0) {
          this.#position = events.at(-1)?.seq ?? this.#position;
          for (const follower of this.#followers) follower(events);
          continue;
        }
      } catch (error) {
        this.#onFailure(error);
      }
      await this.#wakeup.wait(this.#poll);
    }
    this.#running = undefined;
  }
}
