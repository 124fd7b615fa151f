import { JetStreamApiError, type StoredMsg } from '@nats-io/jetstream';
import type { MsgHdrs } from '@nats-io/transport-node';
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
import { publishForms } from '../bus/publish-forms.js';
import { isRefusedForGood } from '../bus/publish-refused.js';
import {
  cannotRedrive,
  reducedLetters,
  rejoined,
  type ReducedLetter,
} from '../bus/reduced-letter.js';
import type { NatsConnector } from './connection.js';
import { storedHeaders } from './header-block.js';
import { jetStreamError } from './nats-error.js';
import type { NatsNames } from './names.js';
import type { NatsPublisher } from './publisher.js';
import { percentDecode } from './percent.js';
import { encodeValue, receiveNatsMessage } from './wire.js';

const headerName = 'Signalbox-Dead-Letter';

/** Facts that a dead letter carries besides its message. */
interface Facts {
  readonly key: string;
  readonly reason: string;
  readonly attempts: number;
  readonly time: string;
  readonly error?: DeadLetterCause;
  readonly origin: DeadLetterOrigin;
  /** The number of the message that has the body; `cut` where no message has all of it. */
  readonly body?: number | 'cut';
}

/** A dead letter and its place in the stream. */
interface Stored {
  readonly letter: DeadLetter;
  readonly sequence: number;
  /** The number of its body, where that is kept apart. */
  readonly bodyAt?: number;
  /** Nobody has all of its body. */
  readonly isCut: boolean;
}

/** The dead letters of the pools, in a stream of their own that forgets nothing by itself. */
export class NatsDeadLetters implements DeadLetters {
  readonly #connector: NatsConnector;
  readonly #names: NatsNames;
  readonly #publisher: NatsPublisher;
  readonly #publishToPool: (pool: string, message: BusMessage) => Promise<void>;
  readonly #orphanAge: number;

  constructor(options: {
    readonly connector: NatsConnector;
    readonly names: NatsNames;
    readonly publisher: NatsPublisher;
    readonly publishToPool: (pool: string, message: BusMessage) => Promise<void>;
    /** Milliseconds that one publish may take. */
    readonly publishTimeout: number;
  }) {
    this.#connector = options.connector;
    this.#names = options.names;
    this.#publisher = options.publisher;
    this.#publishToPool = options.publishToPool;
    this.#orphanAge = options.publishTimeout * mostPublishes;
  }

  /** Resolves when the stream has it. */
  async add(pool: string, message: BusMessage, failure: HandlingFailure): Promise<void> {
    const [subject, bodySubject] = [this.#names.deadSubject(pool), this.#names.bodySubject(pool)];
    const bare = { ...message, id: '', contentType: '', headers: {} };
    delete bare.partitionKey;
    let apart: Promise<number> | undefined;
    const published = await publishForms(
      (outgoing: Parameters<NatsPublisher['publish']>[0]) => this.#publisher.publish(outgoing),
      reducedLetters(message, failure).map((letter) => async () => {
        // Stored first: a letter never tells of a body that is not there.
        if (letter.body === 'apart') {
          apart ??= this.#publisher.publish({
            subject: bodySubject,
            message: bare,
            once: false,
          });
        }
        const body = letter.body === 'apart' ? await apart : undefined;
        const facts = this.#facts(letter, body);
        return {
          subject,
          message: letter.message,
          once: false,
          mark: (headers: MsgHdrs) => headers.set(headerName, encodeValue(JSON.stringify(facts))),
        };
      }),
    );
    if (typeof published !== 'number') throw published.refused;
  }

  #facts({ message, failure, body }: ReducedLetter, bodyAt: number | undefined): Facts {
    const { reason, attempts, error } = failure;
    return {
      key: message.key,
      reason,
      attempts,
      time: new Date().toISOString(),
      ...(attempts === 0 ? {} : { error: deadLetterCause(error) }),
      origin: {
        exchange: this.#names.stream,
        ...(attempts === 0 ? {} : { member: memberName }),
      },
      ...(bodyAt === undefined ? {} : { body: bodyAt }),
      ...(body === 'cut' ? { body } : {}),
    };
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
    for (const stored of await this.#select(pool, selection)) {
      const { letter, isCut } = stored;
      try {
        if (isCut) throw cannotRedrive(letter);
        await this.#publishToPool(pool, letter.message);
      } catch (error) {
        if (!isRefusedForGood(error)) throw error;
        onRefused?.(letter, error);
        continue;
      }
      await this.#settle(stored);
      count += 1;
    }
    await this.#removeOrphans(pool);
    return count;
  }

  async drop(pool: string, selection: DeadLetterSelection = {}): Promise<number> {
    const stored = await this.#select(pool, selection);
    for (const each of stored) await this.#settle(each);
    await this.#removeOrphans(pool);
    return stored.length;
  }

  async #select(pool: string, selection: DeadLetterSelection): Promise<readonly Stored[]> {
    const selected: Stored[] = [];
    const { limit = 100 } = selection;
    if (limit < 1) return selected;
    for await (const stored of this.#stored(this.#names.deadSubject(pool))) {
      const letter = readDeadLetter(pool, stored);
      if (selects(selection, letter)) selected.push(await this.#whole(pool, letter, stored));
      if (selected.length >= limit) break;
    }
    return selected;
  }

  /** The letter with its body, wherever that is. */
  async #whole(pool: string, letter: DeadLetter, stored: StoredMsg): Promise<Stored> {
    const sequence = stored.seq;
    const { body } = readFacts(stored);
    if (typeof body !== 'number') return { letter, sequence, isCut: body === 'cut' };
    const found = await this.#get({ seq: body });
    // Others may publish letters that tell of any number.
    const isBody = found?.subject === this.#names.bodySubject(pool);
    return {
      letter: rejoined(letter, isBody ? found.data : undefined),
      sequence,
      isCut: !isBody,
      ...(isBody ? { bodyAt: body } : {}),
    };
  }

  /** The letter goes first: what is left of it after a crash is a body, which is removed later. */
  async #settle({ sequence, bodyAt }: Stored): Promise<void> {
    await this.#delete(sequence);
    if (bodyAt !== undefined) await this.#delete(bodyAt);
  }

  /** Removes bodies without a letter: the process that stored them ended before it wrote their letter. */
  async #removeOrphans(pool: string): Promise<void> {
    const latest = Date.now() - this.#orphanAge;
    const orphans = new Set<number>();
    for await (const { seq, time } of this.#stored(this.#names.bodySubject(pool))) {
      if (time.getTime() < latest) orphans.add(seq);
    }
    if (orphans.size === 0) return;
    for await (const stored of this.#stored(this.#names.deadSubject(pool))) {
      const { body } = readFacts(stored);
      if (typeof body === 'number') orphans.delete(body);
    }
    for (const sequence of orphans) await this.#delete(sequence);
  }

  /** All that the stream has under a subject, oldest first. */
  async *#stored(subject: string): AsyncGenerator<StoredMsg> {
    for (let seq = 1; ;) {
      const stored = await this.#get({ seq, next_by_subj: subject });
      if (stored === undefined) return;
      yield stored;
      seq = stored.seq + 1;
    }
  }

  async #get(query: Query): Promise<StoredMsg | undefined> {
    const { manager } = await this.#connector.ready();
    const { deadStream } = this.#names;
    try {
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

/** How often a member publishes, at most, between a body and the letter that names it. */
const mostPublishes = 5;

type Query = { readonly seq: number; readonly next_by_subj?: string };

/** JetStream: no message found, no such stream, sequence not found. */
const nothingThere: ReadonlySet<number> = new Set([10037, 10059, 10043]);

function readDeadLetter(pool: string, stored: StoredMsg): DeadLetter {
  const { key, reason, attempts, time, error, origin } = readFacts(stored);
  return {
    message: receiveNatsMessage(key ?? '', stored.data, () => storedHeaders(stored)).message,
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
  const { key, reason, attempts, time, error, origin, body } = headerOf(stored);
  const cause = causeOf(error);
  const { exchange, member } = fieldsOf(origin);
  return {
    ...(typeof key === 'string' ? { key } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof attempts === 'number' ? { attempts } : {}),
    ...(typeof time === 'string' ? { time } : {}),
    ...(isSequence(body) || body === 'cut' ? { body } : {}),
    ...(cause === undefined ? {} : { error: cause }),
    origin: {
      ...(typeof exchange === 'string' ? { exchange } : {}),
      ...(typeof member === 'string' ? { member } : {}),
    },
  };
}

function headerOf(stored: StoredMsg): Readonly<Record<string, unknown>> {
  try {
    return fieldsOf(JSON.parse(percentDecode(storedHeaders(stored)?.get(headerName) ?? '')));
  } catch {
    return {};
  }
}

function isSequence(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function causeOf(error: unknown): DeadLetterCause | undefined {
  const { name, message, code } = fieldsOf(error);
  if (typeof name !== 'string' || typeof message !== 'string') return undefined;
  return { name, message, ...(typeof code === 'string' ? { code } : {}) };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
