import { idOfSpace } from '../application.js';
import { automaticSets } from '../guard/automatic-columns.js';
import type { BoundColumn, ResourceBinding } from '../resource/binding.js';
import { deadlineChanges, stepsOf } from '../../core/planning/chain.js';
import { lockedColumns, timeProperty } from '../guard/column-values.js';
import { databaseValue } from '../guard/driver-values.js';
import { stateValues } from '../guard/state-columns.js';
import type { JournalEntry } from '../../core/planning/journal-entry.js';
import type { PlannedTransition } from '../../core/planning/plan.js';
import { partitionOf } from '../partition.js';
import type { DeadlineChange } from '../../core/planning/transition-request.js';
import { type LaterStatement, type Statement, placeholders, statement } from './statement.js';

/**
 * Locks rows in the order of their uuids, and reads them as committed now. Pure.
 *
 * @param key The hint by which rows are found: see `keyHint`.
 * @param skipLocked Leaves out rows that somebody else holds instead of waiting for them.
 */
export function lockStatement(
  binding: ResourceBinding,
  uuids: readonly string[],
  key: string,
  skipLocked = false,
): Statement {
  const { table, columns } = binding;
  return statement(
    `SELECT ${lockedColumns(binding)} FROM ${table} ${key}
      WHERE ${columns.uuid.sql} IN ${placeholders(1, uuids.length)}
      ORDER BY ${columns.uuid.sql} FOR UPDATE${skipLocked ? ' SKIP LOCKED' : ''}`,
    uuids.map((uuid) => databaseValue(columns.uuid, uuid)),
  );
}

/** The revisions that armed these deadlines. Pure. */
export function armedStatement(
  resource: string,
  deadlines: readonly { readonly uuid: string; readonly id: string }[],
): Statement {
  return statement(
    `SELECT uuid, revision FROM signalbox_deadline FORCE INDEX (PRIMARY)
      WHERE ${deadlines.map(() => '(uuid = ? AND resource = ? AND deadline = ?)').join(' OR ')}`,
    deadlines.flatMap(({ uuid, id }) => [uuid, resource, id]),
  );
}

/**
 * Writes rows, journal, outbox and deadlines of planned transitions whose rows are locked. Pure. Rows
 * are written step by step, as triggers and constraints would see them of single transitions.
 *
 * @param key The hint by which rows are found: see `keyHint`.
 * @param prepares Many events are inserted by prepared statements. They come first, so that all the
 * rest is one flight.
 */
export function planStatements(
  binding: ResourceBinding,
  plans: readonly PlannedTransition[],
  key: string,
  prepares = false,
  space = '',
): readonly (Statement | LaterStatement)[] {
  const entries = entryStatements(
    plans.flatMap((plan) => plan.entries),
    prepares,
    space,
  );
  const isPrepared = (each: Statement | LaterStatement) => 'prepared' in each;
  return [
    ...entries.filter(isPrepared),
    ...stepsOf(plans).map((step) => rowStatement(binding, step, key)),
    ...entries.filter((each) => !isPrepared(each)),
    ...deadlineStatements(deadlineChanges(plans), space),
  ];
}

function rowStatement(
  binding: ResourceBinding,
  plans: readonly PlannedTransition[],
  key: string,
): Statement {
  const { table, columns } = binding;
  const { uuid, revision, stateSince, lifecycleVersion, remembered } = columns;
  const each = (
    column: BoundColumn,
    value: (plan: PlannedTransition) => unknown,
  ): [string, unknown[]] => cases(uuid, column, plans, value);
  const sets = [
    ...binding.state.columns.map((column, index) =>
      each(column, ({ update }) => stateValues(binding, update.state)[index] ?? null),
    ),
    each(revision, ({ update }) => databaseValue(revision, update.revision)),
    ...(lifecycleVersion === undefined
      ? []
      : [
          each(lifecycleVersion, ({ update }) =>
            databaseValue(lifecycleVersion, update.lifecycleVersion),
          ),
        ]),
    ...(stateSince === undefined
      ? []
      : [
          each(stateSince, ({ update }) =>
            update.stateSince === undefined
              ? undefined
              : databaseValue(stateSince, timeProperty(stateSince, update.stateSince)),
          ),
        ]),
    ...(remembered === undefined
      ? []
      : [
          each(remembered, ({ update }) =>
            update.remembered === undefined
              ? undefined
              : databaseValue(remembered, update.remembered),
          ),
        ]),
  ].filter(([sql]) => sql !== '');
  const seen = [
    ...grouped(plans, ({ outcome, update }) => JSON.stringify([outcome.old, update.revision])),
  ].map(([, members]) => asSeen(binding, members));
  return {
    sql: `UPDATE ${table} ${key} SET ${[...sets.map(([sql]) => sql), ...automaticSets(binding)].join(', ')}
      WHERE ${uuid.sql} IN ${placeholders(1, plans.length)}
        AND (${seen.map(([sql]) => sql).join(' OR ')})`,
    values: [
      ...sets.flatMap(([, values]) => values),
      ...plans.map(({ outcome }) => databaseValue(uuid, outcome.uuid)),
      ...seen.flatMap(([, values]) => values),
    ],
    expects: plans.length,
  };
}

/**
 * Rows that are as the plans of them saw them, which all saw the same. They are locked, but a table may
 * take no locks: an engine without transactions, whatever it was when Signalbox looked.
 */
function asSeen(
  binding: ResourceBinding,
  plans: readonly [PlannedTransition, ...PlannedTransition[]],
): [string, unknown[]] {
  const [{ outcome, update }] = plans;
  const { uuid, revision } = binding.columns;
  // A region may be at rest by NULL.
  const equals = binding.state.parts === undefined ? '=' : '<=>';
  const states = binding.state.columns.map(({ sql }) => `${sql} ${equals} ?`);
  return [
    `${states.join(' AND ')} AND ${revision.sql} = ? AND ${uuid.sql} IN ${placeholders(1, plans.length)}`,
    [
      ...stateValues(binding, outcome.old),
      databaseValue(revision, update.revision - 1),
      ...plans.map((plan) => databaseValue(uuid, plan.outcome.uuid)),
    ],
  ];
}

/** An assignment that gives each row its own value; rows with `undefined` keep theirs. */
function cases(
  uuid: BoundColumn,
  column: BoundColumn,
  plans: readonly PlannedTransition[],
  valueOf: (plan: PlannedTransition) => unknown,
): [string, unknown[]] {
  const groups = [...grouped(plans, (plan) => comparable(valueOf(plan)))];
  const [first] = groups;
  if (first !== undefined && groups.length === 1) {
    const value = valueOf(first[1][0]);
    return value === undefined ? ['', []] : [`${column.sql} = ?`, [value]];
  }
  // The server searches a list of constants by halves, and branches one after another.
  const branches = groups.filter(([, [plan]]) => valueOf(plan) !== undefined);
  return [
    `${column.sql} = CASE ${branches
      .map(([, members]) => `WHEN ${uuid.sql} IN ${placeholders(1, members.length)} THEN ?`)
      .join(' ')} ELSE ${column.sql} END`,
    branches.flatMap(([, members]) => [
      ...members.map(({ outcome }) => databaseValue(uuid, outcome.uuid)),
      valueOf(members[0]),
    ]),
  ];
}

function comparable(value: unknown): unknown {
  return value instanceof Date ? value.getTime() : value;
}

/** Groups by a key, in the order of first occurrence; no group is empty. */
function grouped<T>(
  items: readonly T[],
  keyOf: (item: T) => unknown,
): ReadonlyMap<unknown, readonly [T, ...T[]]> {
  const groups = new Map<unknown, [T, ...T[]]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, [item]);
    } else {
      group.push(item);
    }
  }
  return groups;
}

const entriesPerStatement = 200;

// In UTF-16 units, each of up to six bytes: with its statement less than the packet that servers take
// by default. One beyond it would cost the connection.
const textPerStatement = 2 ** 19;

/**
 * How many rows a prepared INSERT takes. A server keeps each text for each connection, so they are few;
 * and fewer rows than the last cost less in the text of the flight that goes anyway.
 */
const preparedSizes = [128, 64, 32];

/**
 * Appends entries to journal and outbox. Pure. A prepared INSERT costs a server a third less: it need
 * not look for the end of each text, nor, in a block, write each down in another character set.
 *
 * @param prepares Inserts many entries by prepared statements, which come first.
 * @param space What stands before the names of the application's buses.
 */
export function entryStatements(
  entries: readonly JournalEntry[],
  prepares = false,
  space = '',
): readonly (Statement | LaterStatement)[] {
  const prepared: Statement[] = [];
  const outboxOf: ((first: string) => string)[] = [];
  const others: Statement[] = [];
  const intoOutbox = `INSERT INTO signalbox_outbox (position, ${space === '' ? '' : 'bus, '}share) VALUES`;
  const outboxRows = (some: readonly JournalEntry[], first: string) =>
    rowsOfOutbox(some, first, space === '' ? '' : `'${space}', `);
  for (const part of entryParts(entries)) {
    let rest: readonly JournalEntry[] = part;
    for (const size of prepares ? preparedSizes : []) {
      // Only before any text: numbers rise in the order of the entries.
      while (rest.length >= size && others.length === 0) {
        const head = rest.slice(0, size);
        rest = rest.slice(size);
        prepared.push({ ...journalStatement(head, space), prepared: true });
        outboxOf.push((first) => outboxRows(head, first));
      }
    }
    if (rest.length > 0) {
      others.push(
        journalStatement(rest, space),
        statement(`${intoOutbox} ${outboxRows(rest, 'LAST_INSERT_ID()')}`),
      );
    }
  }
  const later: LaterStatement = (inserted) =>
    statement(
      `${intoOutbox} ${inserted
        .map((first, index) => (outboxOf[index] as (first: string) => string)(first))
        .join(', ')}`,
    );
  return [...prepared, ...others, ...(prepared.length === 0 ? [] : [later])];
}

function journalStatement(entries: readonly JournalEntry[], space: string): Statement {
  const application = idOfSpace(space);
  // A literal: as a value it would be one more of each row.
  const row = `(${'?, '.repeat(9)}${application})`;
  return statement(
    `INSERT INTO signalbox_journal
      (id, source, category, type, resource, uuid, revision, time, payload, application)
      VALUES ${entries.map(() => row).join(', ')}`,
    entries.flatMap((entry) => [
      entry.id,
      entry.source,
      entry.category,
      entry.type,
      entry.resource,
      entry.uuid,
      entry.revision,
      entry.time,
      entry.payload,
    ]),
  );
}

/** An INSERT of a known number of rows takes consecutive numbers, apart by the increment. */
function rowsOfOutbox(entries: readonly JournalEntry[], first: string, bus: string): string {
  return entries
    .map(
      ({ uuid, id }, index) =>
        `(${first} + ${index} * @@auto_increment_increment, ${bus}${partitionOf(uuid ?? id)})`,
    )
    .join(', ');
}

/** Entries in their order, as many at a time as one statement takes. */
function entryParts(entries: readonly JournalEntry[]): readonly (readonly JournalEntry[])[] {
  const parts: JournalEntry[][] = [];
  let part: JournalEntry[] = [];
  let size = 0;
  for (const entry of entries) {
    const full =
      part.length >= entriesPerStatement || size + entry.payload.length > textPerStatement;
    if (part.length === 0 || full) {
      part = [];
      parts.push(part);
      size = 0;
    }
    part.push(entry);
    size += entry.payload.length;
  }
  return parts;
}

// The place of a deadline, as `placeOf` writes it.
const placeSql = `LEFT(deadline, CHAR_LENGTH(deadline) - CHAR_LENGTH(SUBSTRING_INDEX(deadline, '/', -1)))`;

/** Cancels and arms deadlines. Pure. */
export function deadlineStatements(
  changes: readonly DeadlineChange[],
  space = '',
): readonly Statement[] {
  const cancelling = changes.filter(({ cancels }) => cancels === 'all' || cancels.length > 0);
  const cancelled = [
    ...grouped(cancelling, ({ resource, cancels }) => JSON.stringify([resource, cancels])).values(),
  ].map((members) => {
    const { cancels } = members[0];
    const resource = space + members[0].resource;
    const uuids = members.map(({ uuid }) => uuid);
    const rows = `uuid IN ${placeholders(1, uuids.length)} AND resource = ?`;
    // One for each group: alternatives of several would be looked for in the whole table.
    const from = 'DELETE d FROM signalbox_deadline d FORCE INDEX (PRIMARY) WHERE';
    return cancels === 'all'
      ? statement(`${from} ${rows}`, [...uuids, resource])
      : statement(
          `${from} ${rows} AND (deadline IN ${placeholders(1, cancels.length)} OR ${placeSql} IN ${placeholders(1, cancels.length)})`,
          [...uuids, resource, ...cancels, ...cancels],
        );
  });
  const armed = changes.flatMap(({ resource, uuid, revision, version, arms }) =>
    arms.map(({ id, after }) => [space + resource, uuid, id, revision, version, after]),
  );
  return [
    ...cancelled,
    ...(armed.length === 0
      ? []
      : [
          statement(
            `INSERT INTO signalbox_deadline (resource, uuid, deadline, revision, version, due_at)
              VALUES ${armed.map(() => '(?, ?, ?, ?, ?, UTC_TIMESTAMP(3) + INTERVAL ? * 1000 MICROSECOND)').join(', ')}
              ON DUPLICATE KEY UPDATE revision = VALUES(revision), due_at = VALUES(due_at),
                version = VALUES(version), missing_since = NULL`,
            armed.flat(),
          ),
        ]),
  ];
}
