import { withTypedErrors } from '../../persistence/commit/database-errors.js';
import type { Bus } from '../../delivery/bus/bus.js';
import {
  ConfigurationError,
  RefusedError,
  SignalboxError,
  UnavailableError,
} from '../../core/errors/errors.js';
import { messageOf, toError } from '../../core/errors/to-error.js';
import type { EventSelection, TenancyFilter } from '../../core/events/event-filter.js';
import type { Format } from '../../delivery/formats/format.js';
import { isRefusedForGood } from '../../delivery/bus/publish-refused.js';
import { outboxMessage } from '../../delivery/relay/outbox-message.js';
import type { JournalRecord } from '../../core/planning/journal-entry.js';
import type { JournalStore } from '../../core/stores/journal-store.js';
import { Pacer } from './pacer.js';
import { markReplayed } from './replayed.js';
import { journalSelection } from './selection.js';

/** Options of a replay: the part of the journal, the pool, and the pace. */
export interface ReplayOptions {
  /** The pool that gets the events; no other does. */
  readonly pool: string;
  /** Only events of this time or later, by their own clock: a Date, or RFC 3339. Default all. */
  readonly since?: Date | string;
  /** Only events before this time. Default up to now. */
  readonly until?: Date | string;
  /** A journal position: only events behind it. Pass what a replay ended with to go on. Default 0. */
  readonly after?: number;
  /** Events at the most. Default all. */
  readonly limit?: number;
  /** Events a second at the most. Default as fast as the bus takes them. */
  readonly rate?: number;
  /** Only events of these owners, besides what the selection says. Default everybody's. */
  readonly within?: TenancyFilter;
  /** Counts what would be replayed and sends nothing. Default false. */
  readonly dryRun?: boolean;
  /** Told of each event that the bus refuses for good: it is passed over, and stays in the journal. */
  readonly onRefused?: (event: RefusedReplay, error: Error) => void;
  /** Told after each page of the journal. */
  readonly onProgress?: (progress: ReplayProgress) => void;
  /** Ends the replay between two events. */
  readonly signal?: AbortSignal;
}

/** An event that a replay passed over. */
export interface RefusedReplay {
  /** Its id. */
  readonly id: string;
  /** Its position in the journal: `after: position - 1, limit: 1` replays it alone. */
  readonly position: number;
}

/** How far a replay is. */
export interface ReplayProgress {
  /** Events that the bus has taken, or that a dry run has counted. */
  readonly replayed: number;
  /** Every selected event up to this position is among them: pass it as `after` to go on from here. */
  readonly position: number;
  /** The position it began behind. */
  readonly start: number;
  /** The position it will end at. */
  readonly end: number;
}

/** Result of a replay. */
export interface ReplayResult {
  readonly replayed: number;
  /** Events that the bus refused for good, and that were passed over; see `onRefused`. */
  readonly refused: number;
  /** Pass it as `after` to go on from here. */
  readonly position: number;
  /** False when the limit or the signal ended it before it was through. */
  readonly complete: boolean;
}

interface ReplayParts {
  readonly journal: JournalStore;
  readonly bus: Bus;
  /** How events look on a bus without a format of its own. */
  readonly format: Format;
}

/** Rows read at once. */
const page = 500;

/**
 * Sends events of the journal once more, to one pool: in order for each resource, marked as replayed
 * (`replayedAt`), under the ids they always had, so that the inbox of an idempotent handler knows those
 * it has handled. Events that are committed after it began are left to the relay.
 *
 * Rejects with RefusedError FILTER_INVALID or POOL_UNKNOWN and ConfigurationError CONFIG_VALUE_INVALID
 * before anything is sent or counted. Rejects with UnavailableError REPLAY_INTERRUPTED, whose `position` goes into
 * `after` of the next try, when database or bus fail on the way; then some events may come twice.
 */
export async function replay(
  parts: ReplayParts,
  selection: EventSelection,
  options: ReplayOptions,
): Promise<ReplayResult> {
  const { journal } = parts;
  const { after = 0, limit = Infinity, signal } = options;
  assertOptions(options);
  const { columns, matches } = journalSelection(selection, options.within);
  const since = timeOf('since', options.since);
  const until = timeOf('until', options.until);
  // As text, as the journal compares them.
  if (since !== undefined && until !== undefined && until <= since)
    throw invalid('until', until, `is later than since (${since}), or nothing is selected`);
  await assertPool(parts.bus, options.pool, after);
  const { last: end } = await withTypedErrors(() => journal.extent());
  const first =
    since === undefined ? after + 1 : await withTypedErrors(() => journal.firstSince(since));
  const start = first === null ? end : Math.max(after, first - 1);
  const sender = new Sender(parts, options);
  let position = start;
  let replayed = 0;
  let refused = 0;
  while (position < end && replayed < limit && signal?.aborted !== true) {
    try {
      const records = await journal.read({
        ...columns,
        ...(since === undefined ? {} : { since }),
        ...(until === undefined ? {} : { until }),
        after: position,
        upTo: end,
        limit: page,
      });
      const wanted = records.filter(matches).slice(0, limit - replayed);
      const sent = await sender.send(wanted);
      replayed += sent.count;
      refused += sent.refused;
      if (sent.failure !== undefined) {
        position = sent.upTo ?? position;
        throw sent.failure;
      }
      const cut = replayed >= limit || sent.count + sent.refused < wanted.length;
      position = cut ? (sent.upTo ?? position) : (records.at(-1)?.position ?? end);
      if (records.length < page && !cut) position = end;
    } catch (error) {
      throw interrupted(error, replayed, position);
    }
    options.onProgress?.({ replayed, position, start, end });
  }
  return { replayed, refused, position: Math.max(position, after), complete: position >= end };
}

/** A misspelt pool must not look like nothing to do, or like all that a dry run would send. */
async function assertPool(bus: Bus, pool: string, after: number): Promise<void> {
  const exists = await bus.hasPool(pool).catch((error: unknown) => {
    throw interrupted(error, 0, after);
  });
  if (exists) return;
  throw RefusedError.of(
    'POOL_UNKNOWN',
    `The bus ${bus.name} has no pool ${JSON.stringify(pool)} to replay to. Check the spelling, or subscribe a member first: that makes the pool.`,
    { bus: bus.name, pool },
  );
}

/** Result of a page. */
interface Sent {
  readonly count: number;
  readonly refused: number;
  /** The highest position up to which all was sent; undefined when nothing was. */
  readonly upTo: number | undefined;
  readonly failure: Error | undefined;
}

/** Publishes pages: one event of a resource after the other, different resources at the same time. */
class Sender {
  readonly #bus: Bus;
  readonly #format: Format;
  readonly #options: ReplayOptions;
  readonly #pacer: Pacer;
  #refused = 0;

  constructor({ bus, format }: ReplayParts, options: ReplayOptions) {
    this.#bus = bus;
    this.#format = bus.format ?? format;
    this.#options = options;
    this.#pacer = new Pacer(options.rate);
  }

  async send(records: readonly JournalRecord[]): Promise<Sent> {
    const { dryRun = false, signal } = this.#options;
    const done = new Set<number>();
    const refusedBefore = this.#refused;
    const lanes = new Map<string, Promise<void>>();
    let failure: Error | undefined;
    for (const record of records) {
      if (dryRun) {
        done.add(record.position);
        continue;
      }
      // Waited for here and not in the lane, so that turns are given out in the order of the journal.
      await this.#pacer.turn(signal);
      if (failure !== undefined || signal?.aborted === true) break;
      const lane = record.uuid ?? record.id;
      const before = lanes.get(lane) ?? Promise.resolve();
      const sending = before.then(async () => {
        // An event that follows one of its resource that failed would come before it.
        if (failure !== undefined) return;
        try {
          await this.#publish(record);
          done.add(record.position);
        } catch (error) {
          failure ??= toError(error);
        }
      });
      lanes.set(lane, sending);
    }
    await Promise.all(lanes.values());
    let upTo: number | undefined;
    for (const { position } of records) {
      if (!done.has(position)) break;
      upTo = position;
    }
    const refused = this.#refused - refusedBefore;
    return { count: done.size - refused, refused, upTo, failure };
  }

  async #publish(record: JournalRecord): Promise<void> {
    const message = markReplayed(outboxMessage(this.#format, record), new Date().toISOString());
    try {
      await this.#bus.publishToPool(this.#options.pool, message);
    } catch (error) {
      // It would be refused by every replay, and hold up all behind it.
      if (!isRefusedForGood(error)) throw error;
      this.#refused += 1;
      this.#options.onRefused?.({ id: record.id, position: record.position }, error);
    }
  }
}

function interrupted(cause: unknown, replayed: number, position: number): unknown {
  // Nothing was sent, and nothing will be before the caller changes something.
  if (replayed === 0 && cause instanceof SignalboxError && !cause.retryable) return cause;
  const reason = messageOf(cause);
  return new UnavailableError(
    'REPLAY_INTERRUPTED',
    `The replay stopped after ${replayed} events: ${reason} Go on behind position ${position}.`,
    { parameters: { position, replayed }, cause },
  );
}

function timeOf(key: string, time: Date | string | undefined): string | undefined {
  if (time === undefined) return undefined;
  const date = new Date(time);
  if (!Number.isNaN(date.getTime())) return date.toISOString();
  throw invalid(key, String(time), 'is a Date or an RFC 3339 time');
}

function assertOptions({ pool, after, limit, rate }: ReplayOptions): void {
  if (typeof pool !== 'string' || pool === '')
    throw RefusedError.of('POOL_UNKNOWN', 'A replay goes to one pool: pass its name as `pool`.');
  for (const [key, value] of Object.entries({ after, limit })) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0))
      throw invalid(key, value, 'is a whole number, 0 or more');
  }
  if (rate !== undefined && !(rate > 0)) throw invalid('rate', rate, 'is more than 0 a second');
}

function invalid(key: string, value: string | number, problem: string): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', `${key} ${problem}; got "${value}".`, {
    parameters: { key, value: String(value) },
  });
}
