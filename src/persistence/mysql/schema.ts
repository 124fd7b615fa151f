import { partitionCount } from '../../core/stores/outbox-store.js';

// Identifiers and states compare byte by byte: the default collations take 'running' for 'Running'.
const exact = 'CHARACTER SET ascii COLLATE ascii_bin';
const text = 'CHARACTER SET utf8mb4 COLLATE utf8mb4_bin';
const table = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin';

/** The tables of version 1 on MySQL and MariaDB. */
export const mysqlSchema: readonly string[] = [
  `CREATE TABLE signalbox_journal (
    position bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
    id char(36) ${exact} NOT NULL,
    source varchar(255) ${text} NOT NULL,
    category varchar(32) ${exact} NOT NULL,
    type varchar(255) ${text} NOT NULL,
    resource varchar(255) ${text},
    uuid char(36) ${exact},
    revision bigint,
    time char(24) ${exact} NOT NULL,
    payload mediumtext ${text} NOT NULL,
    UNIQUE KEY signalbox_journal_id (id),
    KEY signalbox_journal_uuid (uuid, position)
  ) ${table}`,
  `CREATE TABLE signalbox_outbox (
    position bigint NOT NULL,
    bus varchar(64) ${exact} NOT NULL DEFAULT '',
    share smallint NOT NULL,
    PRIMARY KEY (bus, position)
  ) ${table}`,
  `CREATE TABLE signalbox_parked (
    position bigint NOT NULL,
    bus varchar(64) ${exact} NOT NULL,
    share smallint NOT NULL,
    resource_key varchar(64) ${exact} NOT NULL,
    status varchar(8) ${exact} NOT NULL,
    reason text ${text} NOT NULL,
    parked_at datetime(3) NOT NULL,
    PRIMARY KEY (position, bus),
    KEY signalbox_parked_resource (bus, resource_key)
  ) ${table}`,
  `CREATE TABLE signalbox_deadline (
    resource varchar(255) ${text} NOT NULL,
    uuid char(36) ${exact} NOT NULL,
    deadline varchar(255) ${text} NOT NULL,
    revision bigint NOT NULL,
    due_at datetime(3) NOT NULL,
    PRIMARY KEY (uuid, resource, deadline),
    KEY signalbox_deadline_due (due_at)
  ) ${table}`,
  `CREATE TABLE signalbox_lease (
    share smallint PRIMARY KEY,
    relay varchar(64) ${exact},
    expires_at datetime(3)
  ) ${table}`,
  `INSERT INTO signalbox_lease (share) VALUES ${Array.from({ length: partitionCount }, (_, share) => `(${share})`).join(', ')}`,
  `CREATE TABLE signalbox_relay (
    id varchar(64) ${exact} PRIMARY KEY,
    expires_at datetime(3) NOT NULL
  ) ${table}`,
  `CREATE TABLE signalbox_bus (
    name varchar(64) ${exact} PRIMARY KEY
  ) ${table}`,
  `CREATE TABLE signalbox_job (
    id char(36) ${exact} PRIMARY KEY,
    command varchar(255) ${text} NOT NULL,
    resource varchar(255) ${text},
    uuid char(36) ${exact},
    status varchar(16) ${exact} NOT NULL,
    progress smallint,
    submitted_at char(24) ${exact} NOT NULL,
    updated_at char(24) ${exact} NOT NULL,
    submission char(36) ${exact} NOT NULL
  ) ${table}`,
];

/** Version 2 of the schema on MySQL and MariaDB: consumers, and reading the journal by time. */
export const mysqlConsumerSchema: readonly string[] = [
  `CREATE TABLE signalbox_inbox (
    consumer varchar(255) ${text} NOT NULL,
    id varchar(255) ${text} NOT NULL,
    handled_at datetime(3) NOT NULL,
    PRIMARY KEY (consumer, id),
    KEY signalbox_inbox_handled (handled_at)
  ) ${table}`,
  `CREATE TABLE signalbox_seen (
    consumer varchar(255) ${text} NOT NULL,
    uuid varchar(64) ${exact} NOT NULL,
    resource varchar(255) ${text} NOT NULL,
    revision bigint NOT NULL,
    PRIMARY KEY (consumer, uuid, resource)
  ) ${table}`,
  `CREATE TABLE signalbox_horizon (
    id smallint PRIMARY KEY,
    position bigint NOT NULL
  ) ${table}`,
  `INSERT INTO signalbox_horizon (id, position) VALUES (1, 0)`,
  `CREATE INDEX signalbox_journal_time ON signalbox_journal (time)`,
];

/** Version 3 of the schema on MySQL and MariaDB: applications, and facts of deadlines. */
export const mysqlApplicationSchema: readonly string[] = [
  `CREATE TABLE signalbox_application (
    id smallint PRIMARY KEY,
    name varchar(255) ${text} NOT NULL UNIQUE
  ) ${table}`,
  `ALTER TABLE signalbox_outbox MODIFY bus varchar(80) ${exact} NOT NULL DEFAULT ''`,
  `ALTER TABLE signalbox_parked MODIFY bus varchar(80) ${exact} NOT NULL`,
  `ALTER TABLE signalbox_bus MODIFY name varchar(80) ${exact} NOT NULL, ADD COLUMN target text ${text}`,
  `ALTER TABLE signalbox_deadline ADD COLUMN version int, ADD COLUMN missing_since datetime(3)`,
  `ALTER TABLE signalbox_lease ADD COLUMN application smallint NOT NULL DEFAULT 0,
    DROP PRIMARY KEY, ADD PRIMARY KEY (application, share)`,
  `ALTER TABLE signalbox_relay ADD COLUMN application smallint NOT NULL DEFAULT 0`,
  `ALTER TABLE signalbox_job ADD COLUMN application smallint NOT NULL DEFAULT 0`,
  `ALTER TABLE signalbox_journal ADD COLUMN application smallint NOT NULL DEFAULT 0`,
  // With the space of an application before the name.
  `ALTER TABLE signalbox_inbox MODIFY consumer varchar(270) ${text} NOT NULL`,
  `ALTER TABLE signalbox_seen MODIFY consumer varchar(270) ${text} NOT NULL`,
];

/** Takes it back, with all that belongs to other applications than the first. */
export const mysqlApplicationSchemaDown: readonly string[] = [
  `DELETE FROM signalbox_inbox WHERE consumer REGEXP '^[0-9].*#'`,
  `DELETE FROM signalbox_seen WHERE consumer REGEXP '^[0-9].*#'`,
  `ALTER TABLE signalbox_inbox MODIFY consumer varchar(255) ${text} NOT NULL`,
  `ALTER TABLE signalbox_seen MODIFY consumer varchar(255) ${text} NOT NULL`,
  `DELETE FROM signalbox_job WHERE application > 0`,
  `DELETE FROM signalbox_relay WHERE application > 0`,
  `DELETE FROM signalbox_lease WHERE application > 0`,
  `DELETE FROM signalbox_deadline WHERE resource LIKE '%#%'`,
  `DELETE FROM signalbox_bus WHERE name LIKE '%#%'`,
  `DELETE FROM signalbox_parked WHERE bus LIKE '%#%'`,
  `DELETE FROM signalbox_outbox WHERE bus LIKE '%#%'`,
  `ALTER TABLE signalbox_job DROP COLUMN application`,
  `ALTER TABLE signalbox_journal DROP COLUMN application`,
  `ALTER TABLE signalbox_relay DROP COLUMN application`,
  `ALTER TABLE signalbox_lease DROP PRIMARY KEY, DROP COLUMN application, ADD PRIMARY KEY (share)`,
  `ALTER TABLE signalbox_deadline DROP COLUMN version, DROP COLUMN missing_since`,
  `ALTER TABLE signalbox_bus DROP COLUMN target, MODIFY name varchar(64) ${exact} NOT NULL`,
  `ALTER TABLE signalbox_parked MODIFY bus varchar(64) ${exact} NOT NULL`,
  `ALTER TABLE signalbox_outbox MODIFY bus varchar(64) ${exact} NOT NULL DEFAULT ''`,
  `DROP TABLE signalbox_application`,
];
