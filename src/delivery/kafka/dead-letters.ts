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
import { endPatience, endsInTime } from '../kit/in-time.js';
import { memberName } from '../bus/member-name.js';
import { publishForms } from '../bus/publish-forms.js';
import { isRefusedForGood } from '../bus/publish-refused.js';
import { cannotRedrive, reducedLetters } from '../bus/reduced-letter.js';
import { DeadLetterView } from './dead-letter-view.js';
import type { KafkaRecord } from './driver.js';
import type { OutgoingRecord } from './publisher.js';
import type { SessionSettings } from './session-options.js';
import type { KafkaNames } from './topics.js';
import { bodyKey, toBodyRecord, toDeadLetterRecord } from './wire.js';

interface KafkaDeadLettersOptions {
  readonly names: KafkaNames;
  readonly publish: (outgoing: OutgoingRecord) => Promise<void>;
  readonly publishToPool: (pool: string, message: BusMessage) => Promise<void>;
  readonly session: () => Promise<SessionSettings>;
  /** Milliseconds that one publish may take. */
  readonly publishTimeout: number;
}

/** How often a member publishes, at most, between a body and the letter that names it. */
const mostPublishes = 5;

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
        for (const each of settled) await this.#settle(topic, each, id, key);
        view.forget(letterId);
        count += 1;
      }
      // The process that wrote such a body ended before it wrote its letter.
      const latest = Date.now() - this.#options.publishTimeout * mostPublishes;
      for (const orphan of view.orphans(latest)) await this.#settle(topic, orphan, orphan, '');
      return count;
    });
  }

  /** Compaction removes what has this key. */
  #settle(topic: string, recordKey: string, id: string, key: string): Promise<void> {
    const record = { key: recordKey, value: null, headers: {} };
    return this.#options.publish({ topic, record, id, key });
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
