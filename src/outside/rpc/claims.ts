import { v7 as uuidv7 } from 'uuid';
import type { Link } from './link.js';
import type { GrantMessage } from './wire.js';

/** Milliseconds after which a claim that was not answered is made again: it, or its answer, was lost. */
const patience = 1_000;

/** How often in a row a claim may find nobody at the caller's address before the caller is given up. */
const mostUnrouted = 3;

/**
 * How often a claim is made of an address that takes it and does not answer. A caller answers within a
 * round trip; who never does must not hold a request's place until the deadline that it chose itself.
 */
const mostUnanswered = 5;

/** The request that a claim is made for. */
export interface Claimed {
  readonly request: string;
  /** The address of the caller. */
  readonly caller: string;
  readonly redelivered: boolean;
  /** Ends the waiting: the caller's patience is over. */
  readonly signal: AbortSignal;
}

/** Outcome of a claim: `silent` where the caller's address takes claims and answers none. */
export type ClaimEnd = 'granted' | 'refused' | 'silent';

/** Asks callers whether their requests may be executed. */
export class Claims {
  readonly #link: Link;
  readonly #open = new Map<string, (end: ClaimEnd) => void>();

  constructor(link: Link) {
    this.#link = link;
  }

  /** Takes the answer of a caller. One that nobody waits for is dropped. */
  receive({ claim, granted }: GrantMessage): void {
    this.#open.get(claim)?.(granted ? 'granted' : 'refused');
  }

  /**
   * Whether the caller wants the request executed, here and now. Refused when it does not, when it is
   * gone, and when the signal aborts. Never rejects.
   */
  async ask({ request, caller, redelivered, signal }: Claimed): Promise<ClaimEnd> {
    const claim = uuidv7();
    const { address: replyTo } = this.#link;
    let timer: NodeJS.Timeout | undefined;
    let onAbort = (): void => {};
    const end = await new Promise<ClaimEnd>((resolve) => {
      let unrouted = 0;
      let unanswered = 0;
      const ask = async (): Promise<void> => {
        if (unanswered >= mostUnanswered) {
          resolve('silent');
          return;
        }
        const sent = await this.#link
          .send({ kind: 'claim', request, claim, replyTo, redelivered }, { key: caller })
          .catch(() => ({ routed: false }));
        unrouted = sent.routed ? 0 : unrouted + 1;
        unanswered += sent.routed ? 1 : 0;
        if (!this.#open.has(claim)) return;
        if (unrouted >= mostUnrouted) resolve('refused');
        else timer = setTimeout(() => void ask(), patience);
      };
      onAbort = () => resolve('refused');
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) resolve('refused');
      this.#open.set(claim, resolve);
      void ask();
    });
    this.#open.delete(claim);
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    return signal.aborted ? 'refused' : end;
  }
}
