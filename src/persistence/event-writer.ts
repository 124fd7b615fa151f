import type { DataSource, EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { AmbientContext } from '../context/ambient.js';
import type { OriginSource } from '../context/origin-source.js';
import { RefusedError } from '../core/errors/errors.js';
import type { Category } from '../core/events/category.js';
import type { EventTypes } from '../core/events/event-types.js';
import { routingKey } from '../core/events/routing-key.js';
import { assertPlainJson } from '../core/json/plain-json.js';
import { refuseInsideTransaction } from './commit/transaction-context.js';
import { journalEntry } from '../core/planning/announcement.js';
import type { JournalEntry } from '../core/planning/journal-entry.js';
import type { Tenancy } from '../core/planning/event-context.js';
import { refuseOversized } from '../core/planning/payload-limit.js';
import type { Store } from './store.js';

/** An event that a caller announces itself: an action, a usage, an alert, a job. */
export interface DirectAnnouncement {
  readonly category: Category;
  readonly type: string;
  readonly data: object;
  readonly subject?: { readonly resource: string; readonly uuid: string } | undefined;
  readonly tenancy?: Tenancy | undefined;
  readonly context?: AmbientContext | undefined;
  /** The caller's transaction; without one the event is committed by itself. */
  readonly manager?: EntityManager | undefined;
}

/**
 * Writes events that are no state change. Everything is checked before anything is written: the type
 * is known, the data is plain JSON, the payload and the routing key are within their limits.
 */
export class EventWriter {
  readonly #dataSource: DataSource;
  readonly #store: Store;
  readonly #origin: OriginSource;
  readonly #eventTypes: EventTypes;
  readonly #maxPayload: number;
  readonly #validate: ((event: unknown) => unknown) | undefined;

  constructor(options: {
    readonly dataSource: DataSource;
    readonly store: Store;
    readonly origin: OriginSource;
    readonly eventTypes: EventTypes;
    /** Bytes of UTF-8. */
    readonly maxPayload: number;
    /** Checks each event against its schema before it is written; for development. */
    readonly validate: ((event: unknown) => unknown) | undefined;
  }) {
    this.#dataSource = options.dataSource;
    this.#store = options.store;
    this.#origin = options.origin;
    this.#eventTypes = options.eventTypes;
    this.#maxPayload = options.maxPayload;
    this.#validate = options.validate;
  }

  /** Commits the event, or adds it to the caller's transaction. Resolves with the event's id. */
  async announce(announcement: DirectAnnouncement): Promise<string> {
    const entry = this.compose(announcement);
    if (announcement.manager === undefined) {
      refuseInsideTransaction(this.#dataSource);
      await this.#store.append([entry]);
    } else {
      await this.#store.appendWithin(announcement.manager, [entry]);
    }
    return entry.id;
  }

  /** Adds a composed event to the caller's transaction. */
  async appendWithin(manager: EntityManager, entry: JournalEntry): Promise<void> {
    await this.#store.appendWithin(manager, [entry]);
  }

  /** Checks and composes the event without writing it. Throws RefusedError. */
  compose({ category, type, data, subject, tenancy, context }: DirectAnnouncement): JournalEntry {
    if (!this.#eventTypes.has(category, type)) {
      throw RefusedError.of(
        'UNKNOWN_EVENT_TYPE',
        `The ${category} type '${type}' is not declared. Declare it in createSignalbox({ eventTypes }), or correct the spelling.`,
        { category, type },
      );
    }
    assertPlainJson(data, 'data');
    const origin = this.#origin(context);
    routingKey({ source: origin.source, category, type, ...subject });
    const entry = journalEntry({
      id: uuidv7(),
      origin,
      category,
      type,
      data,
      ...(subject === undefined ? {} : { subject }),
      ...(tenancy === undefined ? {} : { tenancy }),
    });
    refuseOversized([entry], this.#maxPayload);
    this.#validate?.(JSON.parse(entry.payload));
    return entry;
  }
}
