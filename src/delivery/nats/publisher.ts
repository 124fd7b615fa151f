import { setTimeout as delay } from 'node:timers/promises';
import { JetStreamApiError, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import { errors, type MsgHdrs } from '@nats-io/transport-node';
import { RefusedError, SignalboxError, UnavailableError } from '../../core/errors/errors.js';
import type { BusMessage } from '../bus/bus.js';
import type { BusNoticeListener } from '../bus/notice.js';
import { ConfirmedSequences } from './confirmed-sequences.js';
import type { NatsConnector } from './connection.js';
import { messageOf } from './nats-error.js';
import { mostHeaders } from './header-block.js';
import type { NatsNames } from './names.js';
import type { NatsSettings } from './options.js';
import { declareStreams } from './streams.js';
import { percentDecode, percentEncode } from './percent.js';
import { natsHeaders } from './wire.js';

/** A message and where it goes. */
interface Outgoing {
  readonly subject: string;
  readonly message: BusMessage;
  /** The server stores what it already has under this id once. */
  readonly once: boolean;
  /** Changes the headers before they are sent. */
  readonly mark?: (headers: MsgHdrs) => void;
}

/** A number of the stream that two messages have. */
interface Reuse {
  readonly sequence: number;
  readonly id: string;
  /** The message that was confirmed under it before. */
  readonly former: string;
}

/**
 * Publishes to JetStream and waits until the stream has stored the message. So many at a time, in the
 * order of the calls: the server stores what comes over one connection in its order.
 */
export class NatsPublisher {
  readonly #connector: NatsConnector;
  readonly #names: NatsNames;
  readonly #settings: NatsSettings;
  readonly #notify: BusNoticeListener;
  readonly #waiting: (() => void)[] = [];
  readonly #confirmed = new ConfirmedSequences();
  /** When the stream was made that confirms, as its server tells; undefined where it did not. */
  #stream: Promise<string | undefined> | undefined;
  #now: Promise<string | undefined> | undefined;
  #redeclaring: Promise<void> | undefined;
  #free: number;

  constructor(options: {
    readonly connector: NatsConnector;
    readonly names: NatsNames;
    readonly settings: NatsSettings;
    readonly notify: BusNoticeListener;
  }) {
    this.#connector = options.connector;
    this.#names = options.names;
    this.#settings = options.settings;
    this.#notify = options.notify;
    this.#free = options.settings.publishWindow;
  }

  /**
   * Resolves with the number that the stream has given it. Rejects with RefusedError PUBLISH_REFUSED,
   * UnavailableError BUS_UNAVAILABLE, or ConfigurationError.
   */
  async publish(outgoing: Outgoing): Promise<number> {
    const end = performance.now() + this.#settings.publishTimeout;
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await this.#publish(outgoing, end);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  async #publish(outgoing: Outgoing, end: number): Promise<number> {
    const { nats, manager } = await this.#connector.ready();
    const largest = nats.info?.max_payload;
    const { body, id, key } = outgoing.message;
    if (largest !== undefined && body.byteLength > largest) {
      throw this.#refused(key, id, `its ${body.byteLength} bytes exceed the server's ${largest}`);
    }
    try {
      return await this.#send(manager.jetstream(), outgoing, end);
    } catch (error) {
      if (!isNoResponders(error)) throw this.#failure(error, outgoing);
      // Nobody keeps the subject: somebody deleted the stream.
      try {
        await this.#redeclare(manager);
        return await this.#send(manager.jetstream(), outgoing, end);
      } catch (second) {
        throw this.#failure(second, outgoing);
      }
    }
  }

  /** Makes the streams again: once for all that found them gone, which go on in their order. */
  async #redeclare(manager: JetStreamManager): Promise<void> {
    this.#redeclaring ??= declareStreams(manager, this.#names, this.#settings, { anew: true })
      .then(() => this.#notify({ kind: 'redeclared', exchange: this.#names.stream }))
      .finally(() => {
        this.#redeclaring = undefined;
      });
    await this.#redeclaring;
  }

  async #send(
    client: JetStreamClient,
    { subject, message, once, mark }: Outgoing,
    end: number,
  ): Promise<number> {
    const headers = natsHeaders(message);
    mark?.(headers);
    const count = headers.keys().length;
    if (count > mostHeaders) {
      throw this.#refused(message.key, message.id, `it has ${count} headers, of ${mostHeaders}`);
    }
    const sent = client.publish(subject, message.body, {
      ...(count === 0 ? {} : { headers }),
      timeout: Math.max(1, end - performance.now()),
      ...(once && message.id !== '' ? { msgID: percentEncode(message.id) } : {}),
    });
    const { stream, seq, duplicate } = await this.#connector.unlessGone(sent);
    // Dead letters go through here too, into a stream with numbers of its own.
    if (stream !== this.#names.stream || duplicate) return seq;
    // As it is read: half a character of it is another one on the way.
    this.#note(seq, percentDecode(percentEncode(message.id)));
    return seq;
  }

  #note(sequence: number, id: string): void {
    this.#stream ??= this.#madeAt(1).then((made) => {
      if (made === undefined) {
        // What was noted meanwhile may be of another stream than what comes.
        this.#stream = undefined;
        this.#confirmed.forget();
      }
      return made;
    });
    const former = this.#confirmed.note(sequence, id);
    if (former !== undefined) this.#askForReuse({ sequence, id, former });
  }

  /**
   * Notes that a consumer was handed a message under this number. A server that is behind its time, as after
   * it was frozen, hands out what the others never had; what they have in its place is then passed over.
   */
  noteDelivered(sequence: number, id: string): void {
    const former = this.#confirmed.idOf(sequence);
    if (former !== undefined && former !== id) this.#askForReuse({ sequence, id, former });
  }

  #askForReuse(reuse: Reuse): void {
    const stream = this.#stream ?? Promise.resolve(undefined);
    this.#now ??= this.#madeAt(mostTries).finally(() => {
      this.#now = undefined;
    });
    void this.#tellReuse(stream, this.#now, reuse);
  }

  /** Tells that the servers have lost a message, unless somebody has made the stream anew. */
  async #tellReuse(
    stream: Promise<string | undefined>,
    now: Promise<string | undefined>,
    reuse: Reuse,
  ): Promise<void> {
    const [before, made] = await Promise.all([stream, now]);
    if (made === undefined || before === undefined) return;
    if (made === before) {
      this.#notify({ kind: 'sequenceReused', stream: this.#names.stream, ...reuse });
    } else if (this.#stream === stream) {
      this.#stream = now;
      this.#confirmed.forget();
    }
  }

  async #madeAt(most: number): Promise<string | undefined> {
    for (let tries = 1; ; tries += 1) {
      try {
        const { manager } = await this.#connector.ready();
        return (await manager.streams.info(this.#names.stream)).created;
      } catch (error) {
        const isOver = error instanceof SignalboxError && error.code === 'CLOSED';
        if (isOver || tries >= most) return undefined;
        await delay(100 * 2 ** Math.min(tries, 6), undefined, { ref: false });
      }
    }
  }

  #failure(error: unknown, { message: { key, id } }: Outgoing): SignalboxError {
    if (error instanceof SignalboxError) return error;
    const tooLarge =
      (error instanceof JetStreamApiError && tooLargeCodes.has(error.code)) ||
      /max.?payload/i.test(messageOf(error));
    if (tooLarge || error instanceof errors.PermissionViolationError) {
      return this.#refused(key, id, messageOf(error), error);
    }
    return new UnavailableError(
      'BUS_UNAVAILABLE',
      `NATS has not confirmed a message: ${messageOf(error)}. It may have arrived. Retry later.`,
      { parameters: { bus: this.#settings.name, id }, cause: error },
    );
  }

  #refused(key: string, id: string, reason: string, cause?: unknown): RefusedError {
    this.#notify({ kind: 'refused', key, id, reason });
    return RefusedError.of(
      'PUBLISH_REFUSED',
      `NATS refused the message ${id} under ${key}: ${reason}. Sending it again cannot help.`,
      { bus: this.#settings.name, key, id, reason },
      { cause },
    );
  }
}

/**
 * Tries to learn whether the stream was made anew, for about half a minute: numbers are given twice when a
 * leader has just fallen, and nobody answers yet.
 */
const mostTries = 10;

/** JetStream: the message exceeds the stream's largest; its headers exceed 64 KiB. */
const tooLargeCodes: ReadonlySet<number> = new Set([10054, 10097]);

/** The client wraps it, as a JetStream that is not enabled. */
function isNoResponders(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof errors.NoRespondersError) return true;
  }
  return false;
}
