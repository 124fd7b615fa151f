import type BetterSqlite3 from 'better-sqlite3';
import { idOfSpace } from '../application.js';
import { failpoint } from '../../core/failpoints/failpoints.js';
import { automaticSets } from '../guard/automatic-columns.js';
import type { ResourceBinding } from '../resource/binding.js';
import { lockedColumns, lockedRow, timeProperty } from '../guard/column-values.js';
import { databaseValue } from '../guard/driver-values.js';
import { stateValues } from '../guard/state-columns.js';
import type { JournalEntry } from '../../core/planning/journal-entry.js';
import type { LockedRow, PlannedTransition } from '../../core/planning/plan.js';
import { revisionConflict, unknownResource } from '../../core/planning/plan.js';
import { partitionOf } from '../partition.js';
import type { DeadlineChange } from '../../core/planning/transition-request.js';
import { prepared } from './statements.js';

/**
 * Reads a row by its uuid; undefined when there is none. Within a transaction of the one connection
 * nobody else can move it before the commit.
 */
export function readRow(
  connection: BetterSqlite3.Database,
  binding: ResourceBinding,
  uuid: string,
): LockedRow | undefined {
  const { table, columns } = binding;
  const raw = prepared(
    connection,
    `SELECT ${lockedColumns(binding)} FROM ${table} WHERE ${columns.uuid.sql} = ?`,
  ).get(databaseValue(columns.uuid, uuid));
  return raw === undefined ? undefined : lockedRow(binding, raw as Record<string, unknown>);
}

/** The revision that armed a deadline; undefined when it is not armed. */
export function readArmedRevision(
  connection: BetterSqlite3.Database,
  resource: string,
  uuid: string,
  deadline: string,
): number | undefined {
  return prepared(
    connection,
    'SELECT revision FROM signalbox_deadline WHERE uuid = ? AND resource = ? AND deadline = ?',
  )
    .pluck()
    .get(uuid, resource, deadline) as number | undefined;
}

/**
 * Writes row, journal, outbox and deadlines of one planned transition, all or nothing. Must be called
 * in the transaction that read the row. Throws ConflictError when the row is not as planned.
 */
export function writePlan(
  connection: BetterSqlite3.Database,
  binding: ResourceBinding,
  plan: PlannedTransition,
  space: string,
): void {
  connection.transaction(() => {
    failpoint('compare-and-set');
    writeRow(connection, binding, plan);
    writeEntries(connection, plan.entries, space);
    writeDeadlines(connection, plan.deadlines, space);
  })();
}

function writeRow(
  connection: BetterSqlite3.Database,
  binding: ResourceBinding,
  { outcome, update }: PlannedTransition,
): void {
  const { table, columns } = binding;
  const { uuid, revision, stateSince, lifecycleVersion, remembered } = columns;
  const { state } = binding;
  const sets = [...state.columns.map(({ sql }) => `${sql} = ?`), `${revision.sql} = ?`];
  const values = [...stateValues(binding, update.state), databaseValue(revision, update.revision)];
  if (lifecycleVersion !== undefined) {
    sets.push(`${lifecycleVersion.sql} = ?`);
    values.push(databaseValue(lifecycleVersion, update.lifecycleVersion));
  }
  if (stateSince !== undefined && update.stateSince !== undefined) {
    sets.push(`${stateSince.sql} = ?`);
    values.push(databaseValue(stateSince, timeProperty(stateSince, update.stateSince)));
  }
  if (remembered !== undefined && update.remembered !== undefined) {
    sets.push(`${remembered.sql} = ?`);
    values.push(databaseValue(remembered, update.remembered));
  }
  sets.push(...automaticSets(binding));
  const { changes } = prepared(
    connection,
    `UPDATE ${table} SET ${sets.join(', ')}
      WHERE ${uuid.sql} = ? AND ${state.columns.map(({ sql }) => `${sql} IS ?`).join(' AND ')}
        AND ${revision.sql} = ?`,
  ).run(
    ...values,
    databaseValue(uuid, outcome.uuid),
    ...stateValues(binding, outcome.old),
    databaseValue(revision, update.revision - 1),
  );
  if (changes !== 1) {
    const row = readRow(connection, binding, outcome.uuid);
    throw row === undefined
      ? unknownResource(binding, outcome.uuid)
      : revisionConflict(binding, row, update.revision - 1);
  }
}

/** Appends entries to journal and outbox. Must be called in a transaction. */
export function writeEntries(
  connection: BetterSqlite3.Database,
  entries: readonly JournalEntry[],
  space: string,
): void {
  const journal = prepared(
    connection,
    `INSERT INTO signalbox_journal
        (id, source, category, type, resource, uuid, revision, time, payload, application)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ${idOfSpace(space)})`,
  );
  const outbox = prepared(
    connection,
    'INSERT INTO signalbox_outbox (position, bus, share) VALUES (?, ?, ?)',
  );
  for (const entry of entries) {
    failpoint('journal');
    const { lastInsertRowid } = journal.run(
      entry.id,
      entry.source,
      entry.category,
      entry.type,
      entry.resource,
      entry.uuid,
      entry.revision,
      entry.time,
      entry.payload,
    );
    failpoint('outbox');
    outbox.run(lastInsertRowid, space, partitionOf(entry.uuid ?? entry.id));
  }
}

/** Cancels and arms deadlines. Must be called in a transaction. */
export function writeDeadlines(
  connection: BetterSqlite3.Database,
  { resource: name, uuid, revision, version, arms, cancels }: DeadlineChange,
  space: string,
): void {
  const resource = space + name;
  if (cancels === 'all') {
    prepared(connection, 'DELETE FROM signalbox_deadline WHERE uuid = ? AND resource = ?').run(
      uuid,
      resource,
    );
  } else {
    for (const deadline of cancels) {
      prepared(
        connection,
        `DELETE FROM signalbox_deadline WHERE uuid = ? AND resource = ?
          AND ? IN (deadline, rtrim(deadline, '0123456789'))`,
      ).run(uuid, resource, deadline);
    }
  }
  for (const deadline of arms) {
    prepared(
      connection,
      `INSERT INTO signalbox_deadline (resource, uuid, deadline, revision, version, due_at)
        VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (uuid, resource, deadline)
        DO UPDATE SET revision = excluded.revision, due_at = excluded.due_at,
          version = excluded.version, missing_since = NULL`,
    ).run(resource, uuid, deadline.id, revision, version, Date.now() + deadline.after);
  }
}
