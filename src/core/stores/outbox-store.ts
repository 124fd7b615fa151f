import type { JournalEntry, JournalRecord } from '../planning/journal-entry.js';

/** The outbox is split by uuid into this many shares; a relay holds a lease on each it publishes. */
export const partitionCount = 64;

/** An outbox row with its event. */
export interface OutboxRecord extends Omit<JournalRecord, 'revision' | 'time'> {
  readonly partition: number;
  /** The bus it waits for; empty while it waits for every bus of the relay. */
  readonly bus: string;
}

/** A row the broker refused for good (`parked`), or one of the same resource behind it (`held`). */
export interface ParkedRecord extends OutboxRecord, JournalRecord {
  /** `held` rows go back by themselves when the parked one is retried or dropped. */
  readonly status: 'parked' | 'held';
  /** Reason given by the broker. */
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
  /** The same for each bus that rows wait for by name; `''` for those that wait for every bus. */
  readonly buses: readonly {
    readonly bus: string;
    readonly pending: number;
    readonly parked: number;
    readonly held: number;
    readonly oldestAge: number;
  }[];
}

/** Count and age of the events that wait for one bus. */
export type BusDepth = OutboxDepth['buses'][number];

/** A bus that events of the application go to. */
export interface RegisteredBus {
  readonly name: string;
  /** Where it publishes, without credentials; null where that is not known. */
  readonly target: string | null;
}

/** Events that a bus has not confirmed yet. Each method is atomic. */
export interface OutboxStore {
  /**
   * The first rows of these shares but those the caller already has, lowest position first. Always
   * from the beginning and never from a cursor: a lower position may become visible late, and a
   * reader past it would publish the next event of that resource first.
   */
  read(options: {
    readonly partitions: readonly number[] | 'all';
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
    readonly partitions: readonly number[] | 'all';
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
  /** Pending rows by bus and position, behind `after` if given, of one bus if given. */
  listPending(options: {
    readonly limit: number;
    readonly after?: OutboxRef;
    readonly bus?: string;
  }): Promise<readonly OutboxRecord[]>;
  /**
   * Notes until they are forgotten that events of this application go to these buses, each with where it
   * publishes unless that was noted before, and returns every bus noted so far. A relay without a bus asks
   * with none: where there are any, the rows are not its to drain.
   */
  registerBuses(buses: readonly RegisteredBus[]): Promise<readonly RegisteredBus[]>;
  /** Notes no more that events go to a bus. False when it was not noted. */
  forgetBus(name: string): Promise<boolean>;
  /** Removes up to `limit` rows, pending, parked and held, that wait for a bus by name; returns how many. */
  dropBus(name: string, limit: number): Promise<number>;
  /** Whether any row, pending or parked, waits for this bus by name. */
  waitsFor(bus: string): Promise<boolean>;
  /** How full it is. Counts rows: for monitoring, not for every request. */
  depth(): Promise<OutboxDepth>;
}
