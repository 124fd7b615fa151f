import {
  OutcomeUnknownError,
  UnavailableError,
  type ErrorParameters,
} from '../../core/errors/errors.js';
import type { JsonValue } from '../../core/json/json.js';

interface Settle {
  resolve(result: JsonValue | undefined): void;
  reject(error: unknown): void;
}

/** A call whose caller waits: for an answer, its timeout, or an abort, whichever comes first. */
export class PendingCall {
  readonly id: string;
  readonly service: string;
  readonly method: string;
  readonly outcome: Promise<JsonValue | undefined>;
  readonly #timeout: number;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #onAbandon: (call: PendingCall) => void;
  readonly #settle: Settle;
  #settled = false;
  #begun = false;
  #granted: string | undefined;

  constructor(options: {
    readonly id: string;
    readonly service: string;
    readonly method: string;
    readonly timeout: number;
    readonly signal: AbortSignal | undefined;
    /** Called when it ended without an answer, so that a server may still be at it. */
    readonly onAbandon: (call: PendingCall) => void;
  }) {
    this.id = options.id;
    this.service = options.service;
    this.method = options.method;
    this.#timeout = options.timeout;
    this.#signal = options.signal;
    this.#onAbandon = options.onAbandon;
    let settle: Settle | undefined;
    this.outcome = new Promise((resolve, reject) => {
      settle = { resolve, reject };
    });
    // A call that is refused before anybody waits for it must not end the process.
    this.outcome.catch(() => undefined);
    this.#settle = settle as unknown as Settle;
    this.#timer = setTimeout(() => this.abandon(this.#late()), options.timeout);
    this.#signal?.addEventListener('abort', this.#onAbort);
  }

  /** Whether the request was given to the bus. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Says that the request is about to be given to the bus. False when nobody waits any more. */
  begin(): boolean {
    this.#begun = !this.#settled;
    return this.#begun;
  }

  resolve(result: JsonValue | undefined): void {
    this.#settled = true;
    this.#settle.resolve(result);
  }

  reject(error: unknown): void {
    this.#settled = true;
    this.#settle.reject(error);
  }

  /** Rejects without waiting for what a server may still do. */
  abandon(error: unknown): void {
    if (this.#settled) return;
    this.reject(error);
    this.#onAbandon(this);
  }

  /**
   * Whether the server that asks may execute it: the first that asks, and nobody after it. When the
   * broker has taken the request from that first one, it has died or lost its connection, and no one
   * can tell how far it came.
   */
  claim(claim: string, redelivered: boolean): boolean {
    if (this.#settled) return false;
    this.#granted ??= claim;
    if (this.#granted === claim) return true;
    if (redelivered) this.abandon(this.#unknown());
    return false;
  }

  /** Lets go of timer and signal. */
  end(): void {
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (): void => this.abandon(this.#signal?.reason);

  get #parameters(): ErrorParameters {
    const { service, method, id: request } = this;
    // A method that is not idempotent asks before it begins, so without a grant a retry is safe.
    return { service, method, request, retrySafe: this.#granted === undefined };
  }

  #late(): UnavailableError | OutcomeUnknownError {
    const late = `The service ${this.service} did not answer ${this.method} within ${this.#timeout} ms.`;
    const fields = { parameters: { ...this.#parameters, timeout: this.#timeout } };
    return this.#granted === undefined
      ? new UnavailableError(
          'CALL_TIMEOUT',
          `${late} The method is idempotent, or was not begun and will not be: retry later.`,
          fields,
        )
      : new OutcomeUnknownError(
          'OUTCOME_UNKNOWN',
          `${late} The method had begun: read the resource before retrying.`,
          fields,
        );
  }

  #unknown(): OutcomeUnknownError {
    return new OutcomeUnknownError(
      'OUTCOME_UNKNOWN',
      `A server of ${this.service} died or was cut off while it executed ${this.method}; it may or may not have done it. Read the resource before retrying.`,
      { parameters: this.#parameters },
    );
  }
}
