import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { NatsConnector } from './connection.js';
import { type ConsumerState, notePoolPlace, type PoolState } from './consumers.js';
import type { NatsNames } from './names.js';
import type { Succession } from './pool-lease.js';
import type { PoolCursor } from './pool-cursor.js';
import type { PullerStart } from './puller.js';

export interface PoolHandoverOptions {
  readonly connector: NatsConnector;
  readonly names: NatsNames;
  readonly pool: string;
  /** Milliseconds after which the server hands out again what was not acknowledged. */
  readonly ackWait: number;
  /** Milliseconds that a request of a member's own may be answered into the void. */
  readonly requestExpires: number;
  readonly place: PoolCursor;
  /** How many messages of a consumer are in hand here. */
  readonly inHandOf: (consumer: string) => number;
  /** True while this is the active member. */
  readonly isActive: () => boolean;
}

/**
 * State that an ordered pool's active member reads before it begins: the consumers' cursors, and the
 * messages to be redelivered first.
 */
export class PoolHandover {
  readonly #options: PoolHandoverOptions;
  /** Servers that answered last, and since when the same ones do. */
  #leaders: string | undefined;
  #since = 0;

  constructor(options: PoolHandoverOptions) {
    this.#options = options;
  }

  /**
   * Asks the servers how far the pool is. Resolves with what they answered, with 'gone' when the consumers
   * are gone or others are in their place, or with 'away' when nobody answered. Never rejects.
   */
  async note(): Promise<PoolState | 'gone' | 'away'> {
    const { connector, names, pool, place } = this.#options;
    try {
      const { manager } = await connector.ready();
      const state = await connector.unlessGone(notePoolPlace(manager, names, pool, place));
      if (state === undefined) return 'gone';
      if (this.#leaders !== state.leaders) this.#since = performance.now();
      this.#leaders = state.leaders;
      return state;
    } catch {
      // Somebody else may answer next.
      this.#leaders = undefined;
      return 'away';
    }
  }

  /** The connection was lost: who answers may have begun anew. */
  forget(): void {
    this.#leaders = undefined;
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
    let before: PoolState | undefined;
    while (isActive()) {
      const answer = await this.note();
      if (answer === 'gone')
        throw new Error(`the consumers of the pool ${this.#options.pool} are gone`);
      const state = answer === 'away' ? undefined : answer;
      // By the time they answer again, others may answer for what was given back.
      if (state === undefined) isGivenBack = false;
      else {
        const isBack = this.#isBack(state);
        // A little more than the time itself: what is over is found by a timer of the server.
        const isOver = performance.now() > Math.max(this.#since, asked) + 1.1 * ackWait;
        // Of several servers, one may tell what its leader was before the last changes.
        const isSettled = !state.clustered || isDeepStrictEqual(state, before);
        if (isOver || ((isBack || isGivenBack) && isSettled)) return this.#starts(state);
      }
      before = state;
      await delay(Math.min(isGivenBack ? 50 : 1_000, ackWait / 10));
    }
    return undefined;
  }

  /** Whether nothing is out but what is in hand. Of several servers, one may not know of what is in hand. */
  #isBack({ clustered, consumers }: PoolState): boolean {
    return [...consumers].every(([name, { pending }]) => {
      const inHand = this.#options.inHandOf(name);
      return pending <= inHand && !(clustered && inHand > 0);
    });
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
