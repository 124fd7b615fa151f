import type { ChannelModel } from 'amqplib';
import { busClosed } from '../kit/bus-closed.js';
import { RefusedError, SignalboxError, UnavailableError } from '../../core/errors/errors.js';
import { messageOf } from '../../core/errors/to-error.js';
import type { Published } from '../bus/bus.js';
import { endPatience, endsInTime } from '../kit/in-time.js';
import type { BusNoticeListener } from '../bus/notice.js';
import { replyCodeOf } from './amqp-error.js';
import type { AmqpConnection } from './connection.js';
import { ConfirmingChannel, type ConfirmListener } from './confirming-channel.js';
import { whileOpen } from './while-open.js';
import type { OutgoingMessage } from './wire.js';

/** A publish that has not been settled. */
interface Pending {
  readonly outgoing: OutgoingMessage;
  readonly deadline: number;
  readonly resolve: (published: Published) => void;
  readonly reject: (error: Error) => void;
  returned: boolean;
  settled: boolean;
  /** How often the exchange was missing. */
  missing: number;
}

interface PublisherOptions {
  readonly busName: string;
  readonly connection: AmqpConnection;
  readonly window: number;
  readonly timeout: number;
  readonly notify: BusNoticeListener;
  /** Declares the exchanges, and what this process has bound to them. */
  readonly declare: (model: ChannelModel) => Promise<void>;
}

/** How often a message is sent again because its exchange was missing. */
const mostMissing = 3;

/**
 * Publishes with confirms, at most a window of unconfirmed messages at a time, in the order of the
 * calls.
 *
 * AMQP answers a message it cannot take by closing the channel, without saying which message it was.
 * Then every unconfirmed message is a suspect: they are sent again one at a time, so that only the one
 * that closes the channel all alone is refused.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #inFlight = new Map<string, Pending>();
  #queue: Pending[] = [];
  #suspects: Pending[] = [];
  #channel: ConfirmingChannel<Pending> | undefined;
  #opening = false;
  #declared = false;
  #blocked = false;
  #everUp = false;
  #full = false;
  #timer: NodeJS.Timeout | undefined;
  #unsettled = 0;
  #closed = false;
  #idle: (() => void)[] = [];
  readonly #listener: ConfirmListener<Pending> = {
    confirmed: (pending, taken) => this.#onConfirm(pending, taken),
    answered: () => this.#flush(),
    returned: (id) => {
      const pending = this.#inFlight.get(id);
      if (pending !== undefined) pending.returned = true;
    },
    drained: () => {
      this.#full = false;
      this.#flush();
    },
    closed: (failure) => this.#onClose(failure),
  };

  constructor(options: PublisherOptions) {
    this.#options = options;
    options.connection.listen({
      up: (model) => this.#watch(model),
      down: () => {
        this.#blocked = false;
      },
      failed: (error) => this.#connectFailed(error),
      refused: (error) => this.#rejectAll(error),
    });
  }

  /** Resolves on the confirm. Rejects as `Bus.publish` does. */
  publish(outgoing: OutgoingMessage): Promise<Published> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(busClosed(this.#options.busName));
        return;
      }
      const deadline = performance.now() + this.#options.timeout;
      this.#queue.push({
        outgoing,
        deadline,
        resolve,
        reject,
        returned: false,
        settled: false,
        missing: 0,
      });
      this.#unsettled += 1;
      this.#timer ??= setTimeout(() => this.#expire(), this.#options.timeout);
      this.#flush();
    });
  }

  /**
   * Waits for what is under way, then rejects the rest with CLOSED, and closes the channel: all within 5 s.
   * Resolves with false when the broker did not answer in that time.
   */
  async close(): Promise<boolean> {
    this.#closed = true;
    const end = performance.now() + endPatience;
    let answers = true;
    if (this.#unsettled > 0 && this.#channel !== undefined && !this.#blocked) {
      const idle = new Promise<void>((resolve) => this.#idle.push(resolve));
      answers = await endsInTime(idle, endPatience);
    }
    this.#rejectAll(
      busClosed(this.#options.busName, 'before the confirm: the message may have arrived'),
    );
    clearTimeout(this.#timer);
    const channel = this.#channel;
    this.#channel = undefined;
    if (channel === undefined) return answers;
    return endsInTime(channel.close(), Math.max(1, end - performance.now()));
  }

  #watch(model: ChannelModel): void {
    this.#declared = false;
    this.#everUp = true;
    model.on('blocked', (reason) => {
      this.#blocked = true;
      this.#options.notify({ kind: 'blocked', reason });
    });
    model.on('unblocked', () => {
      this.#blocked = false;
      this.#options.notify({ kind: 'unblocked' });
      this.#flush();
    });
    this.#flush();
  }

  #flush(): void {
    if (this.#unsettled === 0) return;
    const channel = this.#channel;
    if (channel === undefined) {
      void this.#open();
      return;
    }
    if (this.#suspects.length > 0) {
      const [suspect] = this.#suspects;
      if (suspect !== undefined && this.#inFlight.size === 0 && !this.#blocked) {
        this.#suspects.shift();
        this.#send(channel, suspect);
      }
      return;
    }
    while (this.#inFlight.size < this.#options.window && !this.#blocked && !this.#full) {
      const next = this.#queue[0];
      // Returned messages are told apart by their id, so one id is in flight only once.
      if (next === undefined || this.#inFlight.has(next.outgoing.message.id)) return;
      this.#queue.shift();
      this.#send(channel, next);
      if (this.#channel !== channel) return;
    }
  }

  #send(channel: ConfirmingChannel<Pending>, pending: Pending): void {
    const { id } = pending.outgoing.message;
    try {
      pending.returned = false;
      this.#inFlight.set(id, pending);
      if (!channel.publish(pending.outgoing, pending)) this.#full = true;
    } catch (error) {
      this.#inFlight.delete(id);
      this.#refuse(pending, error);
      this.#flush();
    }
  }

  #onConfirm(pending: Pending, taken: boolean): void {
    const { id } = pending.outgoing.message;
    this.#inFlight.delete(id);
    if (taken) {
      this.#settle(pending, pending.returned ? unrouted : routed);
    } else {
      const problem = `The broker could not take the message ${id} now. Retry later.`;
      this.#settle(pending, this.#unavailable(problem));
    }
  }

  async #open(): Promise<void> {
    const { connection, declare } = this.#options;
    const { model } = connection;
    if (model === undefined) {
      connection.start();
      return;
    }
    if (this.#opening) return;
    this.#opening = true;
    try {
      if (!this.#declared) await declare(model);
      this.#declared = true;
      const channel = await whileOpen(model, model.createConfirmChannel());
      this.#full = false;
      this.#channel = new ConfirmingChannel<Pending>(channel, this.#listener);
    } catch (error) {
      if (connection.model === model) {
        // The connection lives, so the broker does not let us: trying again cannot be left to it.
        this.#rejectAll(
          error instanceof SignalboxError
            ? error
            : this.#unavailable('The broker refused a channel. Retry later.', error),
        );
      }
    } finally {
      this.#opening = false;
    }
    if (connection.model !== undefined) this.#flush();
  }

  #onClose(failure: Error | undefined): void {
    this.#channel = undefined;
    const unconfirmed = [...this.#inFlight.values()].filter(({ settled }) => !settled);
    this.#inFlight.clear();
    const code = replyCodeOf(failure);
    if (failure === undefined || code === undefined) {
      // The connection went. What was called later must not overtake what may be lost, so all fail.
      this.#suspects = [...unconfirmed, ...this.#suspects];
      this.#rejectAll(this.#unavailable('The connection broke before the confirm. Retry later.'));
      return;
    }
    const [only] = unconfirmed;
    if (code === exchangeMissing) {
      this.#declared = false;
      const { exchange } = only?.outgoing ?? {};
      if (exchange !== undefined) this.#options.notify({ kind: 'redeclared', exchange });
    }
    if (only !== undefined && unconfirmed.length === 1) {
      this.#blame(only, code, failure);
    } else {
      this.#suspects = [...unconfirmed, ...this.#suspects];
    }
    this.#flush();
  }

  /** Decides on a message that closed the channel all alone. */
  #blame(pending: Pending, code: number, failure: Error): void {
    if (code === exchangeMissing && pending.missing < mostMissing) {
      pending.missing += 1;
      this.#suspects.unshift(pending);
    } else if (refusals.has(code)) {
      this.#refuse(pending, failure);
    } else {
      this.#settle(
        pending,
        this.#unavailable(`The broker failed: ${failure.message}. Retry later.`, failure),
      );
    }
  }

  #refuse(pending: Pending, cause: unknown): void {
    const { key, id } = pending.outgoing.message;
    const reason = messageOf(cause);
    this.#options.notify({ kind: 'refused', key, id, reason });
    this.#settle(
      pending,
      RefusedError.of(
        'PUBLISH_REFUSED',
        `The broker refused the message ${id} (${key}) for good: ${reason}. Mend the cause, then retry or drop it.`,
        { bus: this.#options.busName, id, key },
        { cause },
      ),
    );
  }

  #settle(pending: Pending, outcome: Published | Error): void {
    if (pending.settled) return;
    pending.settled = true;
    this.#unsettled -= 1;
    if (outcome instanceof Error) {
      pending.reject(outcome);
    } else {
      if (!outcome.routed) {
        const { key, id } = pending.outgoing.message;
        this.#options.notify({ kind: 'unroutable', key, id });
      }
      pending.resolve(outcome);
    }
    if (this.#unsettled > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #rejectAll(error: Error): void {
    const all = [...this.#inFlight.values(), ...this.#suspects, ...this.#queue];
    this.#suspects = [];
    this.#queue = [];
    for (const pending of all) this.#settle(pending, error);
  }

  /**
   * A broker that has been found before is waited for: it may be starting again. Of one that never was,
   * whoever waits is told at once, so that a relay does not take a wrong address for a slow start.
   */
  #connectFailed(error: Error): void {
    if (!this.#everUp) this.#rejectAll(error);
  }

  /**
   * Gives up a channel on which the broker owes a confirm that is overdue. With it go the window's place
   * and the id that it holds: another try of the message would wait for them for ever.
   */
  #abandonChannel(): void {
    const channel = this.#channel;
    this.#channel = undefined;
    const owed = [...this.#inFlight.values()];
    this.#inFlight.clear();
    const message =
      'The channel was given up because the broker owed a confirm on it. Retry later.';
    for (const pending of owed) this.#settle(pending, this.#unavailable(message));
    void channel?.close();
  }

  /** One timer serves all: every call has the same time, so the eldest are due first. */
  #expire(): void {
    const now = performance.now();
    const { timeout, busName, connection } = this.#options;
    const due = (pending: Pending): boolean => pending.deadline <= now;
    const owed = [...this.#inFlight.values()].some(due);
    const late = [...this.#inFlight.values(), ...this.#suspects, ...this.#queue].filter(due);
    this.#suspects = this.#suspects.filter((pending) => !due(pending));
    this.#queue = this.#queue.filter((pending) => !due(pending));
    const state = this.#blocked ? 'blocks publishers' : 'did not confirm';
    const message = `The broker of ${busName} ${state} within ${timeout} ms; the message may have arrived. ${connection.failure?.message ?? 'Retry later.'}`;
    for (const pending of late) this.#settle(pending, this.#unavailable(message));
    // A blocked broker reads nothing, the close neither; it confirms what it has once it goes on.
    if (owed && !this.#blocked) this.#abandonChannel();
    this.#timer = undefined;
    const [eldest] = [...this.#inFlight.values(), ...this.#suspects, ...this.#queue].filter(
      ({ settled }) => !settled,
    );
    if (eldest === undefined) return;
    this.#timer = setTimeout(() => this.#expire(), Math.max(1, eldest.deadline - now));
    this.#flush();
  }

  #unavailable(message: string, cause?: unknown): UnavailableError {
    return new UnavailableError('BUS_UNAVAILABLE', message, {
      parameters: { bus: this.#options.busName },
      cause,
    });
  }
}

const routed: Published = Object.freeze({ routed: true });
const unrouted: Published = Object.freeze({ routed: false });

/** AMQP: not found. On publish it can only be the exchange. */
const exchangeMissing = 404;

/** AMQP: content too large, access refused, precondition failed. */
const refusals = new Set([311, 403, 406]);
