import type { Application } from './application.js';
import type { DatabaseKind } from './database-kind.js';
import type { EntityManager } from 'typeorm';
import type { JournalEntry } from '../core/planning/journal-entry.js';
import type {
  DeadlineChange,
  TransitionOutcome,
  TransitionRequest,
} from '../core/planning/transition-request.js';
import type { JournalStore } from '../core/stores/journal-store.js';
import type { LeaseStore } from '../core/stores/lease-store.js';
import type { OutboxStore } from '../core/stores/outbox-store.js';
import type { GaleraUse } from './mysql/verify-server.js';
import type { DeadlineTable } from './deadline-table.js';
import type { ConnectionUse } from './wait-monitor.js';
import type { ResourceBinding } from './resource/binding.js';

export type { DatabaseKind } from './database-kind.js';

/**
 * The storage of Signalbox, behind one interface for every database. Each method is atomic: it commits
 * whole or not at all. Methods ending in `Within` run in the caller's transaction and commit with it.
 */
export interface Store {
  readonly kind: DatabaseKind;
  /** Application whose rows it reads and writes. */
  readonly application: Application;

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
  /**
   * Rejects with ConfigurationError where the server or a table cannot keep what Signalbox promises:
   * TABLE_NOT_TRANSACTIONAL, GALERA_USE_MISSING. Absent where there is nothing to look for.
   */
  verifyServer?(bindings: readonly ResourceBinding[], galera?: GaleraUse): Promise<void>;

  /** How much of the pool of connections is in use; undefined where there is none. */
  connectionUse(): ConnectionUse | undefined;

  readonly outbox: OutboxStore;
  readonly leases: LeaseStore;
  readonly deadlines: DeadlineTable;
  readonly journal: JournalStore;
}
