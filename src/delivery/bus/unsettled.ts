import type { HandlingFailure } from './handling-failure.js';

/** How far this process came with a message that its transport took back. */
export type Outcome =
  /** No handler had begun. */
  | { readonly kind: 'held' }
  /** The handler returned; the message needs only to be acknowledged. */
  | { readonly kind: 'handled' }
  /** The handler failed, and is due again. */
  | {
      readonly kind: 'failed';
      readonly tries: Tries;
      /** By `performance.now()`. */
      readonly dueAt: number;
    }
  /** It is to be put aside. */
  | { readonly kind: 'givenUp'; readonly tries: Tries; readonly failure: HandlingFailure };

/** How often a handler ran, and what it says of the message. */
export interface Tries {
  /** In all. */
  attempt: number;
  /** Those that failed for the message's own sake. */
  faults: number;
  /** Those in a row that failed because something it needs was away. */
  aways: number;
  /** When the first of them was, by `performance.now()`. */
  awaySince: number;
  /** How many of them came after other messages had got through since the one before. */
  awayAlone: number;
  /** How many handlers had got through at the last of them. */
  passes: number;
}

/** No handler has run. */
export function noTries(): Tries {
  return { attempt: 0, faults: 0, aways: 0, awaySince: 0, awayAlone: 0, passes: 0 };
}

/** Something that a transport took back from this process, until it hands it out again. */
export interface Claim {
  /** Undefined while its handler is under way. */
  outcome: Outcome | undefined;
  /** Resolves when there is an outcome. */
  readonly ended: Promise<void>;
  /** The queue of the dispatcher in which its handler is under way. */
  readonly lane?: object;
}

/** A claim whose outcome is known. */
export function settledClaim(outcome: Outcome): Claim {
  return { outcome, ended: Promise.resolve() };
}

/** Milliseconds in which a transport has surely handed out again what it took back, if to this process. */
const patience = 10_000;
/** More than all that the members of one process can hold. */
const mostClaims = 20_000;

/**
 * Messages that the transport took back from the members of a pool in this process, so that a redelivery
 * continues where its handler is: it waits for a handler under way, acknowledges a success whose
 * acknowledgement was lost, and continues the count of tries. Two messages of one identity have a claim
 * each.
 */
export class Unsettled {
  readonly #claims = new Map<string, Claim[]>();
  #size = 0;
  #leftAt = 0;

  get size(): number {
    return this.#size;
  }

  leave(identity: string, claim: Claim): void {
    const claims = this.#claims.get(identity) ?? [];
    claims.push(claim);
    this.#claims.set(identity, claims);
    this.#size += 1;
    this.#leftAt = performance.now();
    const [oldest] = this.#claims.keys();
    if (this.#size > mostClaims && oldest !== undefined) this.take(oldest);
  }

  /** Takes the oldest claim on a message. */
  take(identity: string): Claim | undefined {
    const claims = this.#claims.get(identity);
    const claim = claims?.shift();
    if (claims?.length === 0) this.#claims.delete(identity);
    if (claim !== undefined) this.#size -= 1;
    return claim;
  }

  /**
   * Something new was handed out: what was taken back a while ago has come again before it, or went to
   * others. Keeps only handlers under way.
   */
  clear(): void {
    if (performance.now() - this.#leftAt < patience) return;
    for (const [identity, claims] of this.#claims) {
      const left = claims.filter(({ outcome }) => outcome === undefined);
      this.#size -= claims.length - left.length;
      if (left.length === 0) this.#claims.delete(identity);
      else this.#claims.set(identity, left);
    }
  }
}

/** The pools of one bus. Members of a pool in one process know what each other's transport took back. */
export class UnsettledPools {
  readonly #pools = new Map<string, Unsettled>();

  /** An ephemeral subscription shares with nobody. */
  of(pool: string | undefined): Unsettled {
    if (pool === undefined) return new Unsettled();
    const unsettled = this.#pools.get(pool) ?? new Unsettled();
    this.#pools.set(pool, unsettled);
    return unsettled;
  }
}
