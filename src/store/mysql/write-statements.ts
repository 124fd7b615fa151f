import type { BoundColumn, ResourceBinding } from '../binding.js';
import { databaseValue, lockedColumns, timeProperty } from '../column-values.js';
import type { JournalEntry } from '../journal-entry.js';
import type { PlannedTransition } from '../plan.js';
import { shareOf } from '../share.js';
import type { DeadlineChange } from '../store.js';
import { type Statement, placeholders, statement } from './statement.js';

/**
 * Locks rows in the order of their uuids, and reads them as committed now. Pure.
 *
 * @param skipLocked Leaves out rows that somebody else holds instead of waiting for them.
 */
export function lockStatement(
  binding: ResourceBinding,
  uuids: readonly string[],
  skipLocked = false,
): Statement {
  const { table, columns } = binding;
  return statement(
    `SELECT ${lockedColumns(binding)} FROM ${table}
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
    `SELECT uuid, revision FROM signalbox_deadline
      WHERE ${deadlines.map(() => '(uuid = ? AND resource = ? AND deadline = ?)').join(' OR ')}`,
    deadlines.flatMap(({ uuid, id }) => [uuid, resource, id]),
  );
}

/** Writes rows, journal, outbox and deadlines of planned transitions whose rows are locked. Pure. */
export function planStatements(
  binding: ResourceBinding,
  plans: readonly PlannedTransition[],
): readonly Statement[] {
  return [
    rowStatement(binding, plans),
    ...entryStatements(plans.flatMap(({ entries }) => entries)),
    ...deadlineStatements(plans.map(({ deadlines }) => deadlines)),
  ];
}

function rowStatement(binding: ResourceBinding, plans: readonly PlannedTransition[]): Statement {
  const { table, columns } = binding;
  const { uuid, state, revision, stateSince, lifecycleVersion } = columns;
  const each = (
    column: BoundColumn,
    value: (plan: PlannedTransition) => unknown,
  ): [string, unknown[]] => cases(uuid, column, plans, value);
  const sets = [
    each(state, ({ update }) => databaseValue(state, update.state)),
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
  ].filter(([sql]) => sql !== '');
  return statement(
    `UPDATE ${table} SET ${sets.map(([sql]) => sql).join(', ')}
      WHERE ${uuid.sql} IN ${placeholders(1, plans.length)}`,
    [
      ...sets.flatMap(([, values]) => values),
      ...plans.map(({ outcome }) => databaseValue(uuid, outcome.uuid)),
    ],
  );
}

/** An assignment that gives each row its own value; rows with `undefined` keep theirs. */
function cases(
  uuid: BoundColumn,
  column: BoundColumn,
  plans: readonly PlannedTransition[],
  valueOf: (plan: PlannedTransition) => unknown,
): [string, unknown[]] {
  const values = plans.map(valueOf);
  const [first] = values;
  if (values.every((value) => value === first || sameTime(value, first))) {
    return first === undefined ? ['', []] : [`${column.sql} = ?`, [first]];
  }
  const branches = plans.flatMap(({ outcome }, index) =>
    values[index] === undefined ? [] : [[databaseValue(uuid, outcome.uuid), values[index]]],
  );
  return [
    `${column.sql} = CASE ${uuid.sql} ${'WHEN ? THEN ? '.repeat(branches.length)}ELSE ${column.sql} END`,
    branches.flat(),
  ];
}

function sameTime(a: unknown, b: unknown): boolean {
  return a instanceof Date && b instanceof Date && a.getTime() === b.getTime();
}

const entriesPerStatement = 200;

/** Appends entries to journal and outbox. Pure. */
export function entryStatements(entries: readonly JournalEntry[]): readonly Statement[] {
  const statements: Statement[] = [];
  for (let start = 0; start < entries.length; start += entriesPerStatement) {
    const part = entries.slice(start, start + entriesPerStatement);
    statements.push(
      statement(
        `INSERT INTO signalbox_journal
          (id, source, category, type, resource, uuid, revision, time, payload)
          VALUES ${placeholders(part.length, 9)}`,
        part.flatMap((entry) => [
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
      ),
      // An INSERT of a known number of rows takes consecutive numbers, apart by the increment.
      statement(
        `INSERT INTO signalbox_outbox (position, share) VALUES ${part
          .map(
            (entry, index) =>
              `(LAST_INSERT_ID() + ${index} * @@auto_increment_increment, ${shareOf(entry.uuid ?? entry.id)})`,
          )
          .join(', ')}`,
      ),
    );
  }
  return statements;
}

/** Cancels and arms deadlines. Pure. */
export function deadlineStatements(changes: readonly DeadlineChange[]): readonly Statement[] {
  const cancelled = changes.flatMap(({ resource, uuid, cancels }) => {
    if (cancels === 'all') {
      return [statement('(uuid = ? AND resource = ?)', [uuid, resource])];
    }
    return cancels.length === 0
      ? []
      : [
          statement(
            `(uuid = ? AND resource = ? AND deadline IN ${placeholders(1, cancels.length)})`,
            [uuid, resource, ...cancels],
          ),
        ];
  });
  const armed = changes.flatMap(({ resource, uuid, revision, arms }) =>
    arms.map(({ id, after }) => [resource, uuid, id, revision, after]),
  );
  return [
    ...(cancelled.length === 0
      ? []
      : [
          statement(
            `DELETE FROM signalbox_deadline WHERE ${cancelled.map(({ sql }) => sql).join(' OR ')}`,
            cancelled.flatMap(({ values }) => values),
          ),
        ]),
    ...(armed.length === 0
      ? []
      : [
          statement(
            `INSERT INTO signalbox_deadline (resource, uuid, deadline, revision, due_at)
              VALUES ${armed.map(() => '(?, ?, ?, ?, UTC_TIMESTAMP(3) + INTERVAL ? * 1000 MICROSECOND)').join(', ')}
              ON DUPLICATE KEY UPDATE revision = VALUES(revision), due_at = VALUES(due_at)`,
            armed.flat(),
          ),
        ]),
  ];
}
