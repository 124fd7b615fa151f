import { partitionCount } from '../../core/stores/outbox-store.js';

/** The tables of version 1 on SQLite. Times that are compared are milliseconds since 1970. */
export const sqliteSchema: readonly string[] = [
  `CREATE TABLE signalbox_journal (
    position integer PRIMARY KEY AUTOINCREMENT,
    id text NOT NULL,
    source text NOT NULL,
    category text NOT NULL,
    type text NOT NULL,
    resource text,
    uuid text,
    revision integer,
    time text NOT NULL,
    payload text NOT NULL
  )`,
  `CREATE UNIQUE INDEX signalbox_journal_id ON signalbox_journal (id)`,
  `CREATE INDEX signalbox_journal_uuid ON signalbox_journal (uuid, position)`,
  `CREATE TABLE signalbox_outbox (
    position integer NOT NULL,
    bus text NOT NULL DEFAULT '',
    share integer NOT NULL,
    PRIMARY KEY (bus, position)
  ) WITHOUT ROWID`,
  `CREATE TABLE signalbox_parked (
    position integer NOT NULL,
    bus text NOT NULL,
    share integer NOT NULL,
    resource_key text NOT NULL,
    status text NOT NULL,
    reason text NOT NULL,
    parked_at integer NOT NULL,
    PRIMARY KEY (position, bus)
  ) WITHOUT ROWID`,
  `CREATE INDEX signalbox_parked_resource ON signalbox_parked (bus, resource_key)`,
  `CREATE TABLE signalbox_deadline (
    resource text NOT NULL,
    uuid text NOT NULL,
    deadline text NOT NULL,
    revision integer NOT NULL,
    due_at integer NOT NULL,
    PRIMARY KEY (uuid, resource, deadline)
  ) WITHOUT ROWID`,
  `CREATE INDEX signalbox_deadline_due ON signalbox_deadline (due_at)`,
  `CREATE TABLE signalbox_lease (
    share integer PRIMARY KEY,
    relay text,
    expires_at integer
  )`,
  `INSERT INTO signalbox_lease (share) VALUES ${Array.from({ length: partitionCount }, (_, share) => `(${share})`).join(', ')}`,
  `CREATE TABLE signalbox_relay (
    id text PRIMARY KEY,
    expires_at integer NOT NULL
  ) WITHOUT ROWID`,
  `CREATE TABLE signalbox_bus (
    name text PRIMARY KEY
  ) WITHOUT ROWID`,
  `CREATE TABLE signalbox_job (
    id text PRIMARY KEY,
    command text NOT NULL,
    resource text,
    uuid text,
    status text NOT NULL,
    progress integer,
    submitted_at text NOT NULL,
    updated_at text NOT NULL,
    submission text NOT NULL
  ) WITHOUT ROWID`,
];

/** Version 2 of the schema on SQLite: consumers, and reading the journal by time. */
export const sqliteConsumerSchema: readonly string[] = [
  `CREATE TABLE signalbox_inbox (
    consumer text NOT NULL,
    id text NOT NULL,
    handled_at integer NOT NULL,
    PRIMARY KEY (consumer, id)
  ) WITHOUT ROWID`,
  `CREATE INDEX signalbox_inbox_handled ON signalbox_inbox (handled_at)`,
  `CREATE TABLE signalbox_seen (
    consumer text NOT NULL,
    uuid text NOT NULL,
    resource text NOT NULL,
    revision integer NOT NULL,
    PRIMARY KEY (consumer, uuid, resource)
  ) WITHOUT ROWID`,
  `CREATE TABLE signalbox_horizon (
    id integer PRIMARY KEY,
    position integer NOT NULL
  )`,
  `INSERT INTO signalbox_horizon (id, position) VALUES (1, 0)`,
  `CREATE INDEX signalbox_journal_time ON signalbox_journal (time)`,
];

/** Version 3 of the schema on SQLite: applications, and facts of deadlines. */
export const sqliteApplicationSchema: readonly string[] = [
  `CREATE TABLE signalbox_application (
    id integer PRIMARY KEY,
    name text NOT NULL UNIQUE
  )`,
  `ALTER TABLE signalbox_bus ADD COLUMN target text`,
  `ALTER TABLE signalbox_deadline ADD COLUMN version integer`,
  `ALTER TABLE signalbox_deadline ADD COLUMN missing_since integer`,
  // SQLite changes no primary key.
  `ALTER TABLE signalbox_lease RENAME TO signalbox_lease_old`,
  `CREATE TABLE signalbox_lease (
    share integer NOT NULL,
    relay text,
    expires_at integer,
    application integer NOT NULL DEFAULT 0,
    PRIMARY KEY (application, share)
  ) WITHOUT ROWID`,
  `INSERT INTO signalbox_lease (share, relay, expires_at)
    SELECT share, relay, expires_at FROM signalbox_lease_old`,
  `DROP TABLE signalbox_lease_old`,
  `ALTER TABLE signalbox_relay ADD COLUMN application integer NOT NULL DEFAULT 0`,
  `ALTER TABLE signalbox_job ADD COLUMN application integer NOT NULL DEFAULT 0`,
  `ALTER TABLE signalbox_journal ADD COLUMN application integer NOT NULL DEFAULT 0`,
];

/** Takes it back, with all that belongs to other applications than the first. */
export const sqliteApplicationSchemaDown: readonly string[] = [
  `DELETE FROM signalbox_inbox WHERE consumer GLOB '[0-9]*#*'`,
  `DELETE FROM signalbox_seen WHERE consumer GLOB '[0-9]*#*'`,
  `DELETE FROM signalbox_job WHERE application > 0`,
  `DELETE FROM signalbox_relay WHERE application > 0`,
  `DELETE FROM signalbox_deadline WHERE resource LIKE '%#%'`,
  `DELETE FROM signalbox_bus WHERE name LIKE '%#%'`,
  `DELETE FROM signalbox_parked WHERE bus LIKE '%#%'`,
  `DELETE FROM signalbox_outbox WHERE bus LIKE '%#%'`,
  `ALTER TABLE signalbox_job DROP COLUMN application`,
  `ALTER TABLE signalbox_journal DROP COLUMN application`,
  `ALTER TABLE signalbox_relay DROP COLUMN application`,
  `ALTER TABLE signalbox_lease RENAME TO signalbox_lease_new`,
  `CREATE TABLE signalbox_lease (
    share integer PRIMARY KEY,
    relay text,
    expires_at integer
  )`,
  `INSERT INTO signalbox_lease (share, relay, expires_at)
    SELECT share, relay, expires_at FROM signalbox_lease_new WHERE application = 0`,
  `DROP TABLE signalbox_lease_new`,
  `ALTER TABLE signalbox_deadline DROP COLUMN version`,
  `ALTER TABLE signalbox_deadline DROP COLUMN missing_since`,
  `ALTER TABLE signalbox_bus DROP COLUMN target`,
  `DROP TABLE signalbox_application`,
];
