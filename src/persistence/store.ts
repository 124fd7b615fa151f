import type { EntityManager } from 'typeorm';
import type { Deadline } from '../core/lifecycle/lifecycle.js';
import type { ResourceBinding } from './resource/binding.js';
import type { JournalEntry, JournalRecord } from '../core/planning/journal-entry.js';
import type { EventOrigin } from '../core/planning/origin.js';

/** The databases a store exists for. `mysql` stands for MySQL and MariaDB. */
export type DatabaseKind = 'postgres' | 'mysql' | 'sqlite';

/** One wish to move one resource, validated: the uuid is well formed, the event is declared. */
export interface TransitionRequest {
  readonly uuid: string;
  readonly event: string;
  /** What guards may look at besides the context. */
  readonly payload?: Readonly<Record<string, unknown>>;
  /** When given, any other revision in the row is a conflict. */
  readonly expectedRevision?: number;
  readonly reason?: string;
  /** Who, when and why: what the announced events say besides the step itself. */
  readonly origin: EventOrigin;
  /** Set by the deadline sweeper: fire this deadline if it is still armed at this revision. */
  readonly deadline?: { readonly id: string; readonly revision: number };
}

/** What a transition did; what `signalbox.transition` resolves to. */
export interface Transitioned<TState extends string = string> {
  readonly uuid: string;
  /** The state before. */
  readonly old: TState;
  /** The state after. */
  readonly new: TState;
  /** The revision after: pass it as `expectedRevision` of the next step. */
  readonly revision: number;
  /** False for a lawful self-transition. */
  readonly changed: boolean;
  /** Ids of the announced events, the state change first. */
  readonly events: readonly string[];
}

/** One result for each request of a batch, in the order of the batch. Errors are values here. */
export type TransitionOutcome = Transitioned | Error;

/**
 * What differs between databases, behind one interface. Each method is atomic: it commits whole or
 * not at all. Methods ending in `Within` run in the caller's transaction and commit with it.
 */
export interface Store {
  readonly kind: DatabaseKind;

  /**
   * Moves each resource in one commit: compare-and-set, journal, outbox, deadlines. Requests of one
   * uuid go in turn; only the first of them may have guards or fire a deadline, which read more than
   * the row before it. A refusal or conflict is an outcome and leaves the others alone; a
   * database error rejects the whole batch and nothing of it is committed. Rows are locked in uuid
   * order.
   */
  transition(
    binding: ResourceBinding,
    batch: readonly TransitionRequest[],
  ): Promise<readonly TransitionOutcome[]>;
  /**
   * Whether several requests of one uuid in a batch are quicker than one after another. They are lawful
   * either way. Absent where they always are.
   */
  mayChain?(binding: ResourceBinding): Promise<boolean>;
  /** Moves one resource in the caller's transaction. A refusal or conflict leaves it usable. */
  transitionWithin(
    manager: EntityManager,
    binding: ResourceBinding,
    request: TransitionRequest,
  ): Promise<TransitionOutcome>;

  /** Appends events to journal and outbox. */
  append(entries: readonly JournalEntry[]): Promise<void>;
  /** Appends events in the caller's transaction. */
  appendWithin(manager: EntityManager, entries: readonly JournalEntry[]): Promise<void>;

  /** Arms and cancels deadlines in the caller's transaction. */
  scheduleWithin(manager: EntityManager, change: DeadlineChange): Promise<void>;

  /** Rejects with ConfigurationError DATABASE_NOT_MIGRATED when a table is missing or old. */
  verifyMigrated(): Promise<void>;

  readonly outbox: OutboxStore;
  readonly leases: LeaseStore;
  readonly deadlines: DeadlineStore;
  readonly journal: JournalStore;
}

/** Deadlines that one transition arms and cancels, fenced by its revision. */
export interface DeadlineChange {
  readonly resource: string;
  readonly uuid: string;
  readonly revision: number;
  readonly arms: readonly Deadline[];
  /** Ids; `'all'` when the resource is removed. */
  readonly cancels: readonly string[] | 'all';
}

/** The outbox is split by uuid into this many shares; a relay holds a lease on each it publishes. */
export const shareCount = 64;

/** An outbox row with its event. */
export interface OutboxRecord extends Omit<JournalRecord, 'revision' | 'time'> {
  readonly share: number;
  /** The bus it waits for; empty while it waits for every bus of the relay. */
  readonly bus: string;
}

/** A row the broker refused for good (`parked`), or one of the same resource behind it (`held`). */
export interface ParkedRecord extends OutboxRecord, JournalRecord {
  /** `held` rows go back by themselves when the parked one is retried or dropped. */
  readonly status: 'parked' | 'held';
  /** What the broker said. */
  readonly reason: string;
  /** RFC 3339, UTC. */
  readonly parkedAt: string;
}

/** Names one outbox row. */
export interface OutboxRef {
  /** The event's position in the journal. */
  readonly position: number;
  /** The bus it waits for; empty while it waits for every bus. */
  readonly bus: string;
}

/** How full the outbox is. */
export interface OutboxDepth {
  /** Rows that a bus has not confirmed; with several buses one for each. */
  readonly pending: number;
  /** Rows that a broker refused for good. */
  readonly parked: number;
  /** Rows that wait behind a parked one of their resource. */
  readonly held: number;
  /** Milliseconds since the oldest pending row was written; 0 when there is none. */
  readonly oldestAge: number;
}

/** Events that a bus has not confirmed yet. Each method is atomic. */
export interface OutboxStore {
  /**
   * The first rows of these shares but those the caller already has, lowest position first. Always
   * from the beginning and never from a cursor: a lower position may become visible late, and a
   * reader past it would publish the next event of that resource first.
   */
  read(options: {
    readonly shares: readonly number[] | 'all';
    /** Rows that wait for this bus; `null` for rows that wait for every bus. */
    readonly bus: string | null;
    /** Positions the caller already has. */
    readonly except: readonly number[];
    readonly limit: number;
  }): Promise<readonly OutboxRecord[]>;
  /**
   * Turns the first `limit` rows that wait for every bus into one row for each bus, in one commit,
   * and parked ones of these shares with them; with no buses the pending ones are gone, unless a bus is
   * registered. Returns how many pending rows it turned.
   */
  fanOut(options: {
    readonly shares: readonly number[] | 'all';
    readonly buses: readonly string[];
    readonly limit: number;
  }): Promise<number>;
  /** Removes rows that the bus has. Rows already gone are no fault. */
  remove(refs: readonly OutboxRef[]): Promise<void>;
  /**
   * Moves a row to the parked table, and appends the alert if any, in one commit. False, and nothing
   * is appended, when the row is gone.
   */
  park(ref: OutboxRef, reason: string, alert: JournalEntry | null): Promise<boolean>;
  /**
   * Moves rows of resources that have a parked row on the same bus; returns those it moved. The rest
   * stay: their resource was put back meanwhile.
   */
  hold(refs: readonly OutboxRef[]): Promise<readonly OutboxRef[]>;
  /** Uuids (or event ids where there is none) with parked rows, for this bus; `''` for every bus. */
  parkedResources(bus: string): Promise<ReadonlySet<string>>;
  /** Puts a parked row and all of its resource behind it back. False when no such row is parked. */
  retry(ref: OutboxRef): Promise<boolean>;
  /** Forgets a parked row (it stays in the journal) and puts those held behind it back. */
  drop(ref: OutboxRef): Promise<boolean>;
  /** Parked and held rows by position and bus, behind `after` if given. */
  listParked(options: {
    readonly limit: number;
    readonly after?: OutboxRef;
  }): Promise<readonly ParkedRecord[]>;
  /**
   * Notes for good that events of this database go to these buses, and returns every bus noted so far.
   * A relay without a bus asks with none: where there are any, the rows are not its to drain.
   */
  registerBuses(names: readonly string[]): Promise<readonly string[]>;
  /** Whether any row, pending or parked, waits for this bus by name. */
  waitsFor(bus: string): Promise<boolean>;
  /** How full it is. Counts rows: for monitoring, not for every request. */
  depth(): Promise<OutboxDepth>;
}

/** What a relay holds until its lease runs out. */
export interface LeaseGrant {
  readonly shares: readonly number[];
  /** Those of `shares` beyond the fair part: to be finished and then released. */
  readonly surplus: readonly number[];
}

/** The leases of relays on the shares of the outbox. */
export interface LeaseStore {
  /**
   * Announces that this relay lives for `ttl` milliseconds more by the database's clock, renews every
   * share it holds, and takes free or expired ones up to its fair part.
   */
  acquire(relay: string, ttl: number): Promise<LeaseGrant>;
  /** Gives shares back at once. Safe to call twice. */
  release(relay: string, shares: readonly number[]): Promise<void>;
  /**
   * The relay is gone for good: gives back at once all its shares but those to `keep`, which run out
   * by themselves. Safe to call twice.
   */
  leave(relay: string, keep: readonly number[]): Promise<void>;
}

/** A deadline that has passed and has not been fired or cancelled. */
export interface DueDeadline {
  readonly resource: string;
  readonly uuid: string;
  readonly deadline: string;
  readonly revision: number;
}

/** Armed deadlines. */
export interface DeadlineStore {
  /** Due deadlines by the database's clock, oldest first. Several sweepers may see the same one. */
  due(options: {
    /** Resource types; those of other applications on the same database are left alone. */
    readonly resources: readonly string[];
    readonly limit: number;
    /** How many of the oldest to pass over. Default 0. */
    readonly skip?: number;
  }): Promise<readonly DueDeadline[]>;
  /** Milliseconds until the next one is due, 0 when one is; null when none is armed. */
  nextDue(resources: readonly string[]): Promise<number | null>;
  /**
   * Removes an armed deadline and appends what it announces, in one commit, without moving the
   * resource. False when it was cancelled or re-armed meanwhile.
   */
  fire(due: DueDeadline, entries: readonly JournalEntry[]): Promise<boolean>;
}

/** Which events of the journal to read. Conditions are joined by "and", a list is any of its values. */
export interface JournalQuery {
  readonly uuid?: string | readonly string[];
  readonly resource?: string | readonly string[];
  readonly category?: string | readonly string[];
  /** RFC 3339: only events of this time or later, by their own clock. */
  readonly since?: string;
  /** RFC 3339: only events before this time. */
  readonly until?: string;
  /** A position: only events behind it. */
  readonly after?: number;
  /** A position: no event behind it. */
  readonly upTo?: number;
  readonly limit: number;
}

/** How far the journal reaches. */
export interface JournalExtent {
  /** The highest position that is visible; 0 when there is none. */
  readonly last: number;
  /** The highest position that was ever purged; 0 when none was. Events before it may be missing. */
  readonly purged: number;
}

/** Every event ever committed. */
export interface JournalStore {
  /** Events in position order. */
  read(query: JournalQuery): Promise<readonly JournalRecord[]>;
  /** The lowest position of an event of this time or later; null when there is none. */
  firstSince(time: string): Promise<number | null>;
  /** How far it reaches, now. */
  extent(): Promise<JournalExtent>;
  /** Positions and times of the last `limit` events, lowest position first. */
  tail(limit: number): Promise<readonly Pick<JournalRecord, 'position' | 'time'>[]>;
  /** Deletes events before `time` that no outbox row needs, and notes how far; returns how many. */
  purge(options: { readonly before: string; readonly limit: number }): Promise<number>;
}
