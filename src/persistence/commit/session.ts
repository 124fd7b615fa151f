import type { DataSource, QueryRunner } from 'typeorm';
import type { ConnectionUse } from '../wait-monitor.js';

/** A connection as its server knows it, for whoever asks later what became of it. */
export interface Session {
  /**
   * Names the server, other than its replicas and whatever else answers at the same address. Undefined
   * where it could not be told.
   */
  readonly server: string | undefined;
  /** Names the connection on that server; undefined behind a pooler, which tells numbers of its own. */
  readonly connection: string | undefined;
}

/** How the connections of one kind of database are kept fit for use. */
export interface Connections {
  /**
   * Sees to it that no connection goes back to its pool that is of no more use, or inside a transaction,
   * that none that breaks ends the process, and that whoever waits for one when the pool is ended is told.
   * Cheap, and safe to call again.
   */
  guard(dataSource: DataSource): void;
  /** How much of the pool is in use; undefined where there is none, or it cannot be told. */
  use(dataSource: DataSource): ConnectionUse | undefined;
  /** Waits for what somebody before sent over the connection; undefined where nothing is under way. */
  quiet(connection: object): Promise<unknown> | undefined;
  /** False where somebody left the connection inside a transaction; true where that cannot be told. */
  isIdle(connection: object): boolean;
  /** Ends a connection; its pool takes it out when it is released. */
  discard(connection: object): void;
  /** Asks the server who it is, once for each connection. Rejects with the driver's error. */
  sessionOf(connection: object): Promise<Session>;
  /**
   * Whether the server at the other end of the runner is the one of the session, and has ended that
   * connection: what it has not committed by now, it never will.
   */
  knows(runner: QueryRunner, session: Session): Promise<boolean>;
}
