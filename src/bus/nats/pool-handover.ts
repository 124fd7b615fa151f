import { setTimeout as delay } from 'node:timers/promises';
import type { NatsConnector } from './connection.js';
import { type ConsumerState, notePoolPlace, type PoolState } from './consumers.js';
import type { NatsNames } from './names.js';
import type { Succession } from './pool-lease.js';
import type { PoolPlace } from './pool-place.js';
import type { PullerStart } from './puller.js';

export interface PoolHandoverOptions {
  readonly connector: NatsConnector;
  readonly names: NatsNames;
  readonly pool: string;
  /** Milliseconds after which the server hands out again what was not acknowledged. */
  readonly ackWait: number;
  /** Milliseconds that a request of a member's own may be answered into the void. */
  readonly requestExpires: number;
  readonly place: PoolPlace;
  /** How many messages of a consumer are in hand here. */
  readonly inHandOf: (consumer: string) => number;
  /** True while this is the active member. */
  readonly isActive: () => boolean;
}

/**
 * What an ordered pool's active member must know before it begins: where the consumers are, and what they
 * will hand out again before anything else.
 */
export class PoolHandover {
  readonly #options: PoolHandoverOptions;
  /** What the servers answered last, and since when the same ones answer for the pool. */
  #answered: (PoolState & { readonly since: number }) | undefined;

  constructor(options: PoolHandoverOptions) {
    this.#options = options;
  }

  /** Asks the servers how far the pool is. Never rejects: who is away is taken for unknown. */
  async note(): Promise<void> {
    const { connector, names, pool, place } = this.#options;
    try {
      const { manager } = await connector.ready();
      const state = await connector.unlessGone(notePoolPlace(manager, names, pool, place));
      const same = this.#answered?.leaders === state.leaders;
      this.#answered = {
        ...state,
        since: (same ? this.#answered?.since : undefined) ?? performance.now(),
      };
    } catch {
      // Away or deleted: what was noted before stands, and whoever pulls finds out.
      this.#answered = undefined;
    }
  }

  /** The connection was lost: what was answered before may be another server's. */
  forget(): void {
    this.#answered = undefined;
  }

  /**
   * Resolves with where to begin, by consumer, as soon as the server hands out first whatever it has handed
   * out before and is not in hand here. Resolves with undefined when this is no longer the active member.
   *
   * A member that left has given back what it had, and what the server was sending it meanwhile goes back by
   * itself. After any other the server must have nothing more out, or the time of that must be over. That
   * time begins anew with another server, and is as long as one of our own requests may yet be answered.
   */
  async settled(succession: Succession): Promise<ReadonlyMap<string, PullerStart> | undefined> {
    const { ackWait, requestExpires, isActive } = this.#options;
    // The requests of a member that died were over before its record ran out.
    const asked = succession === 'regained' ? performance.now() + requestExpires : 0;
    let isGivenBack = succession === 'handed over';
    while (isActive()) {
      await this.note();
      if (this.#answered !== undefined) {
        const { since } = this.#answered;
        const starts = this.#starts(this.#answered);
        const isBack = [...starts.values()].every(({ returning }) => returning <= 0);
        // A little more than the time itself: what is over is found by a timer of the server.
        const isOver = performance.now() > Math.max(since, asked) + 1.1 * ackWait;
        if (isBack || isOver || isGivenBack) return starts;
      }
      // By the time they answer, others may answer for what was given back.
      isGivenBack = false;
      await delay(ackWait / 10);
    }
    return undefined;
  }

  #starts({ consumers }: PoolState): ReadonlyMap<string, PullerStart> {
    const start = (
      name: string,
      { turn, sequence, pending }: ConsumerState,
    ): [string, PullerStart] => [
      name,
      { turn, sequence, returning: pending - this.#options.inHandOf(name) },
    ];
    return new Map([...consumers].map(([name, state]) => start(name, state)));
  }
}
