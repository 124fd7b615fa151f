import { JetStreamApiError, type StoredMsg } from '@nats-io/jetstream';
import type {
  BusMessage,
  DeadLetter,
  DeadLetterCause,
  DeadLetterOrigin,
  DeadLetters,
  DeadLetterSelection,
  RedriveOptions,
} from '../bus/bus.js';
import { deadLetterCause } from '../bus/dead-letter-cause.js';
import { selects } from '../bus/dead-letter-groups.js';
import type { HandlingFailure } from '../bus/handling-failure.js';
import { memberName } from '../bus/member-name.js';
import { isPublishRefused } from '../bus/publish-refused.js';
import type { NatsConnector } from './connection.js';
import { jetStreamError } from './nats-error.js';
import type { NatsNames } from './names.js';
import type { NatsPublisher } from './publisher.js';
import { percentDecode } from './percent.js';
import { encodeValue, receiveNatsMessage } from './wire.js';

const headerName = 'Signalbox-Dead-Letter';

/** What a dead letter says besides its message. */
interface Facts {
  readonly key: string;
  readonly reason: string;
  readonly attempts: number;
  readonly time: string;
  readonly error?: DeadLetterCause;
  readonly origin: DeadLetterOrigin;
}

/** A dead letter and its place in the stream. */
interface Stored {
  readonly letter: DeadLetter;
  readonly sequence: number;
}

/** The dead letters of the pools, in a stream of their own that forgets nothing by itself. */
export class NatsDeadLetters implements DeadLetters {
  readonly #connector: NatsConnector;
  readonly #names: NatsNames;
  readonly #publisher: NatsPublisher;
  readonly #publishToPool: (pool: string, message: BusMessage) => Promise<void>;

  constructor(options: {
    readonly connector: NatsConnector;
    readonly names: NatsNames;
    readonly publisher: NatsPublisher;
    readonly publishToPool: (pool: string, message: BusMessage) => Promise<void>;
  }) {
    this.#connector = options.connector;
    this.#names = options.names;
    this.#publisher = options.publisher;
    this.#publishToPool = options.publishToPool;
  }

  /** Resolves when the stream has it. */
  async add(pool: string, message: BusMessage, failure: HandlingFailure): Promise<void> {
    const { reason, attempts, error } = failure;
    const facts: Facts = {
      key: message.key,
      reason,
      attempts,
      time: new Date().toISOString(),
      ...(attempts === 0 ? {} : { error: deadLetterCause(error) }),
      origin: {
        exchange: this.#names.stream,
        ...(attempts === 0 ? {} : { member: memberName }),
      },
    };
    await this.#publisher.publish({
      subject: this.#names.deadSubject(pool),
      message,
      once: false,
      mark: (headers) => headers.set(headerName, encodeValue(JSON.stringify(facts))),
    });
  }

  async read(pool: string, selection: DeadLetterSelection = {}): Promise<readonly DeadLetter[]> {
    return (await this.#select(pool, selection)).map(({ letter }) => letter);
  }

  async redrive(
    pool: string,
    selection: DeadLetterSelection = {},
    { onRefused }: RedriveOptions = {},
  ): Promise<number> {
    let count = 0;
    // One after another: their order is all the order that is left.
    for (const { letter, sequence } of await this.#select(pool, selection)) {
      try {
        await this.#publishToPool(pool, letter.message);
      } catch (error) {
        if (!isPublishRefused(error)) throw error;
        onRefused?.(letter, error);
        continue;
      }
      await this.#delete(sequence);
      count += 1;
    }
    return count;
  }

  async drop(pool: string, selection: DeadLetterSelection = {}): Promise<number> {
    const stored = await this.#select(pool, selection);
    for (const { sequence } of stored) await this.#delete(sequence);
    return stored.length;
  }

  async #select(pool: string, selection: DeadLetterSelection): Promise<readonly Stored[]> {
    const selected: Stored[] = [];
    for (let next = 1; selected.length < (selection.limit ?? 100);) {
      const stored = await this.#next(pool, next);
      if (stored === undefined) break;
      const letter = readDeadLetter(pool, stored);
      if (selects(selection, letter)) selected.push({ letter, sequence: stored.seq });
      next = stored.seq + 1;
    }
    return selected;
  }

  async #next(pool: string, from: number): Promise<StoredMsg | undefined> {
    const { manager } = await this.#connector.ready();
    const { deadStream } = this.#names;
    try {
      const query = { seq: from, next_by_subj: this.#names.deadSubject(pool) };
      return (await manager.streams.getMessage(deadStream, query)) ?? undefined;
    } catch (error) {
      if (error instanceof JetStreamApiError && nothingThere.has(error.code)) return undefined;
      throw jetStreamError(error, deadStream);
    }
  }

  async #delete(sequence: number): Promise<void> {
    const { manager } = await this.#connector.ready();
    const { deadStream } = this.#names;
    try {
      await manager.streams.deleteMessage(deadStream, sequence, false);
    } catch (error) {
      if (error instanceof JetStreamApiError && nothingThere.has(error.code)) return;
      throw jetStreamError(error, deadStream);
    }
  }
}

/** JetStream: no message found, no such stream, sequence not found. */
const nothingThere: ReadonlySet<number> = new Set([10037, 10059, 10043]);

function readDeadLetter(pool: string, stored: StoredMsg): DeadLetter {
  const { key, reason, attempts, time, error, origin } = readFacts(stored);
  return {
    message: receiveNatsMessage(key ?? '', stored.data, () => stored.header).message,
    pool,
    reason: reason ?? 'unknown',
    attempts: attempts ?? 0,
    time: time ?? '',
    ...(error === undefined ? {} : { error }),
    origin: origin ?? {},
  };
}

/** Others may publish to the subject of dead letters; what they did not tell, or in no such form, is not told. */
function readFacts(stored: StoredMsg): Partial<Facts> {
  const { key, reason, attempts, time, error, origin } = headerOf(stored);
  const cause = causeOf(error);
  const { exchange, member } = fieldsOf(origin);
  return {
    ...(typeof key === 'string' ? { key } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof attempts === 'number' ? { attempts } : {}),
    ...(typeof time === 'string' ? { time } : {}),
    ...(cause === undefined ? {} : { error: cause }),
    origin: {
      ...(typeof exchange === 'string' ? { exchange } : {}),
      ...(typeof member === 'string' ? { member } : {}),
    },
  };
}

function headerOf(stored: StoredMsg): Readonly<Record<string, unknown>> {
  try {
    return fieldsOf(JSON.parse(percentDecode(stored.header.get(headerName))));
  } catch {
    return {};
  }
}

function causeOf(error: unknown): DeadLetterCause | undefined {
  const { name, message, code } = fieldsOf(error);
  if (typeof name !== 'string' || typeof message !== 'string') return undefined;
  return { name, message, ...(typeof code === 'string' ? { code } : {}) };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
