import type { DeadLetter } from '../bus/bus.js';
import { rejoined } from '../bus/reduced-letter.js';
import type { ReceivedRecord } from './driver.js';
import { kafkaError } from './kafka-error.js';
import { fetchLogEnds } from './log-ends.js';
import type { SessionSettings } from './session-options.js';
import { ConsumerSession } from './session.js';
import { bodyKey, bodyPlace, fromDeadLetterRecord } from './wire.js';

/** Milliseconds without a record after which a topic counts as read; a fetch waits for 500. */
const longestSilence = 3_000;

/** View of the letters that remain in one pool's dead-letter topic. */
export class DeadLetterView {
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

  /** The keys of bodies without a letter that were written before a time; in milliseconds since 1970. */
  orphans(latest: number): readonly string[] {
    const kept = new Set([...this.#letters.keys()].map(bodyKey));
    return [...this.#bodies.keys()].filter((key) => !kept.has(key) && writtenAt(key) < latest);
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

/** Pure. When a letter was begun, by its id; 0 for an id that is not ours. */
function writtenAt(letterKey: string): number {
  return Number.parseInt(letterKey.slice(0, 13).replace('-', ''), 16) || 0;
}
