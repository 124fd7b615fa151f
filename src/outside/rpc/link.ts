import { randomUUID } from 'node:crypto';
import type { Bus, BusMessage, BusSubscription, Published } from '../../delivery/bus/bus.js';
import type { RpcNames } from './names.js';
import type { RpcNoticeListener } from './notice.js';
import {
  decodeMessage,
  encodeMessage,
  type ClaimMessage,
  type Envelope,
  type GrantMessage,
  type ReplyMessage,
  type RpcMessage,
} from './wire.js';

/** Messages that arrive at the address of a manager. */
export type Answer = ClaimMessage | GrantMessage | ReplyMessage;

/** The bus and the reply address that all calls and services of one manager share. */
export class Link {
  readonly bus: Bus;
  readonly names: RpcNames;
  readonly notify: RpcNoticeListener;
  /** Where answers to this manager go. Not to be guessed, so that nobody answers uncalled. */
  readonly address: string;
  readonly #limit: number;
  #receive: (answer: Answer) => void = () => {};
  #inbox: Promise<BusSubscription> | undefined;

  constructor(options: {
    readonly bus: Bus;
    readonly names: RpcNames;
    readonly notify: RpcNoticeListener;
    /** Bytes that a message may take. */
    readonly limit: number;
  }) {
    this.bus = options.bus;
    this.names = options.names;
    this.notify = options.notify;
    this.#limit = options.limit;
    this.address = options.names.inboxKey(randomUUID());
  }

  /** Says who takes what comes to the address. */
  onAnswer(receive: (answer: Answer) => void): void {
    this.#receive = receive;
  }

  /** Listens at the address from now on. Safe to call again, also after it was rejected. */
  async open(): Promise<void> {
    this.#inbox ??= this.bus.subscribe(
      [this.address],
      (delivery) => {
        let answer: Answer;
        try {
          answer = decodeMessage(delivery, ['claim', 'grant', 'reply']);
        } catch (error) {
          this.notify({ kind: 'malformed', reason: String(error) });
          return;
        }
        this.#receive(answer);
      },
      { concurrency: inboxConcurrency, prefetch: inboxConcurrency, retry: { attempts: 1 } },
    );
    try {
      await this.#inbox;
    } catch (error) {
      this.#inbox = undefined;
      throw error;
    }
  }

  /** The message for the bus. Throws RefusedError for what is no plain JSON, or too large. */
  prepare(message: RpcMessage, envelope: Omit<Envelope, 'limit'>): BusMessage {
    return encodeMessage(message, { ...envelope, limit: this.#limit });
  }

  /** Publishes. Rejects as `prepare` throws, and as the bus does. */
  async send(message: RpcMessage, envelope: Omit<Envelope, 'limit'>): Promise<Published> {
    return this.bus.publish(this.prepare(message, envelope));
  }

  /** Stops listening. Safe to call twice. */
  async close(): Promise<void> {
    const inbox = await this.#inbox?.catch(() => undefined);
    await inbox?.unsubscribe();
  }
}

/** Taking an answer takes no time, so this many only fill the network's round trip. */
const inboxConcurrency = 200;
