import { v7 as uuidv7 } from 'uuid';
import type {
  BusMessage,
  DeadLetter,
  DeadLetters,
  DeadLetterSelection,
  RedriveOptions,
} from '../bus/bus.js';
import { selects } from '../bus/dead-letter-groups.js';
import type { HandlingFailure } from '../bus/handling-failure.js';
import { endPatience, endsInTime } from '../bus/in-time.js';
import { memberName } from '../bus/member-name.js';
import { publishForms } from '../bus/publish-forms.js';
import { isRefusedForGood } from '../bus/publish-refused.js';
import { cannotRedrive, reducedLetters, rejoined } from '../bus/reduced-letter.js';
import type { KafkaRecord, ReceivedRecord } from './driver.js';
import { kafkaError } from './kafka-error.js';
import { fetchLogEnds } from './log-ends.js';
import type { OutgoingRecord } from './publisher.js';
import type { SessionSettings } from './session-options.js';
import { ConsumerSession } from './session.js';
import type { KafkaNames } from './topics.js';
import {
  bodyKey,
  bodyPlace,
  fromDeadLetterRecord,
  toBodyRecord,
  toDeadLetterRecord,
} from './wire.js';

interface KafkaDeadLettersOptions {
  readonly names: KafkaNames;
  readonly publish: (outgoing: OutgoingRecord) => Promise<void>;
  readonly publishToPool: (pool: string, message: BusMessage) => Promise<void>;
  readonly session: () => Promise<SessionSettings>;
}

/**
 * The dead letters of the pools. A log forgets nothing by itself, so each letter has an id of its own as
 * its key, and what is redriven or dropped is followed by a record of that key without a value: a topic
 * with `cleanup.policy=compact` then keeps what is left. The first call for a pool reads its topic from
 * the beginning; later ones read on.
 */
export class KafkaDeadLetters implements DeadLetters {
  readonly #options: KafkaDeadLettersOptions;
  readonly #views = new Map<string, Promise<DeadLetterView>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: KafkaDeadLettersOptions) {
    this.#options = options;
  }

  /** Resolves when the topic has it. */
  async add(pool: string, message: BusMessage, failure: HandlingFailure): Promise<void> {
    const time = new Date().toISOString();
    const from = { time, topic: this.#options.names.topic, member: memberName };
    const letterId = uuidv7();
    const topic = this.#options.names.deadLetterTopic(pool);
    const { id, key } = message;
    const publish = (record: KafkaRecord): Promise<void> =>
      this.#options.publish({ topic, record, id, key });
    let apart: Promise<void> | undefined;
    const published = await publishForms(
      publish,
      reducedLetters(message, failure).map((letter) => async () => {
        // Written first: a letter never tells of a body that is not there.
        if (letter.body === 'apart') apart ??= publish(toBodyRecord(letterId, message.body));
        if (letter.body === 'apart') await apart;
        const { body } = letter;
        return toDeadLetterRecord(letterId, letter.message, letter.failure, { ...from, body });
      }),
    );
    if (published !== undefined) throw published.refused;
  }

  read(pool: string, selection: DeadLetterSelection = {}): Promise<readonly DeadLetter[]> {
    return this.#inTurn(async () => {
      const selected = await this.#select(pool, selection);
      return selected.map(([, letter]) => letter);
    });
  }

  redrive(
    pool: string,
    selection: DeadLetterSelection = {},
    { onRefused }: RedriveOptions = {},
  ): Promise<number> {
    return this.#take(pool, selection, async (letter, isCut) => {
      try {
        if (isCut) throw cannotRedrive(letter);
        await this.#options.publishToPool(pool, letter.message);
        return true;
      } catch (error) {
        if (!isRefusedForGood(error)) throw error;
        onRefused?.(letter, error);
        return false;
      }
    });
  }

  drop(pool: string, selection: DeadLetterSelection = {}): Promise<number> {
    return this.#take(pool, selection, async () => true);
  }

  async close(): Promise<void> {
    const closed = [...this.#views.values()].map(async (view) => (await view).close());
    await endsInTime(Promise.allSettled(closed), 2 * endPatience);
  }

  #take(
    pool: string,
    selection: DeadLetterSelection,
    use: (letter: DeadLetter, isCut: boolean) => Promise<boolean>,
  ): Promise<number> {
    return this.#inTurn(async () => {
      const view = await this.#view(pool);
      const topic = this.#options.names.deadLetterTopic(pool);
      const selected = await this.#select(pool, selection);
      let count = 0;
      // One after another: their order is all the order that is left.
      for (const [letterId, letter] of selected) {
        if (!(await use(letter, view.isCut(letterId)))) continue;
        const { id, key } = letter.message;
        const settled = view.keepsApart(letterId) ? [letterId, bodyKey(letterId)] : [letterId];
        for (const each of settled) {
          const record = { key: each, value: null, headers: {} };
          await this.#options.publish({ topic, record, id, key });
        }
        view.forget(letterId);
        count += 1;
      }
      return count;
    });
  }

  async #select(
    pool: string,
    selection: DeadLetterSelection,
  ): Promise<readonly (readonly [letterId: string, letter: DeadLetter])[]> {
    const letters = await (await this.#view(pool)).letters();
    const wanted = letters.filter(([, letter]) => selects(selection, letter));
    return wanted.slice(0, selection.limit ?? 100);
  }

  #view(pool: string): Promise<DeadLetterView> {
    let view = this.#views.get(pool);
    if (view === undefined) {
      view = this.#open(pool);
      this.#views.set(pool, view);
      view.catch(() => this.#views.delete(pool));
    }
    return view;
  }

  async #open(pool: string): Promise<DeadLetterView> {
    const session = await this.#options.session();
    const view = new DeadLetterView(pool, this.#options.names.deadLetterTopic(pool), session);
    await view.open();
    return view;
  }

  /** A letter that one call is about to settle must not be in the answer of the next. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** Milliseconds without a record after which a topic counts as read; a fetch waits for 500. */
const longestSilence = 3_000;

/** What is left in the dead-letter topic of one pool. */
class DeadLetterView {
  readonly #letters = new Map<string, DeadLetter>();
  /** Of letters whose body is not within them. */
  readonly #places = new Map<string, 'apart' | 'cut'>();
  /** The bodies that are kept apart, by the keys of their records. */
  readonly #bodies = new Map<string, Buffer>();
  readonly #settled = new Set<string>();
  readonly #positions = new Map<number, bigint>();
  readonly #settings: SessionSettings;
  readonly #session: ConsumerSession;
  readonly #pool: string;
  readonly #topic: string;
  readonly #what: string;
  readonly #waiting = new Set<() => void>();

  constructor(pool: string, topic: string, session: SessionSettings) {
    this.#pool = pool;
    this.#topic = topic;
    this.#what = `read the dead letters of the pool ${pool}`;
    this.#settings = session;
    this.#session = new ConsumerSession({
      ...session,
      group: undefined,
      topics: [topic],
      from: 'beginning',
      sink: {
        hasRoom: () => true,
        busy: () => false,
        forget: () => {},
        take: (record, _topic, partition, done) => {
          this.#note(record, partition);
          done();
        },
      },
      what: this.#what,
      onLost: () => {},
      onBack: () => {},
    });
  }

  open(): Promise<void> {
    return this.#session.start();
  }

  /** All that the topic holds now, oldest first. Rejects with what `kafkaError` says. */
  async letters(): Promise<readonly (readonly [letterId: string, letter: DeadLetter])[]> {
    const ends = await fetchLogEnds(this.#settings, this.#topic).catch((error: unknown) => {
      throw kafkaError(error, this.#what);
    });
    const behind = (): boolean =>
      ends.some(({ partition, high, low }) => {
        const next = this.#positions.get(partition) ?? BigInt(low);
        return next < BigInt(high);
      });
    // Compaction may have removed what the end of the log was made of: it is never reached then.
    while (behind() && (await this.#nextRecord()));
    // Their ids rise with time.
    return [...this.#letters]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([id, letter]) => [
        id,
        this.keepsApart(id) ? rejoined(letter, this.#bodies.get(bodyKey(id))) : letter,
      ]);
  }

  /** Whether the body of a letter is in a record of its own. */
  keepsApart(letterId: string): boolean {
    return this.#places.get(letterId) === 'apart';
  }

  /** Whether nobody has all of a letter's body. */
  isCut(letterId: string): boolean {
    const place = this.#places.get(letterId);
    return place === 'cut' || (place === 'apart' && !this.#bodies.has(bodyKey(letterId)));
  }

  forget(letterId: string): void {
    this.#letters.delete(letterId);
    this.#places.delete(letterId);
    this.#bodies.delete(bodyKey(letterId));
    this.#settled.add(letterId);
  }

  close(): Promise<void> {
    return this.#session.stop();
  }

  /** Resolves with true at the next record, and with false when none has come for a while. */
  async #nextRecord(): Promise<boolean> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(wake);
        resolve(false);
      }, longestSilence);
      this.#waiting.add(wake);
    });
  }

  #note(record: ReceivedRecord, partition: number): void {
    const letterId = record.key?.toString() ?? `${partition}/${record.offset}`;
    const place = bodyPlace(record);
    if (record.value === null) {
      this.#letters.delete(letterId);
      this.#places.delete(letterId);
      this.#bodies.delete(letterId);
      this.#settled.delete(letterId);
    } else if (place === 'here') {
      this.#bodies.set(letterId, record.value);
    } else if (!this.#settled.has(letterId)) {
      const letter = fromDeadLetterRecord(record, this.#topic, partition, this.#pool);
      this.#letters.set(letterId, letter);
      if (place !== 'within') this.#places.set(letterId, place);
    }
    this.#positions.set(partition, BigInt(record.offset) + 1n);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
