import type { EntityManager } from 'typeorm';
import { ConfigurationError } from '../../core/errors/errors.js';
import { failpoint } from '../../core/failpoints/failpoints.js';
import { automaticSets } from '../guard/automatic-columns.js';
import type { ResourceBinding } from '../resource/binding.js';
import {
  deadlineChanges,
  hasChain,
  type RowChange,
  rowChanges,
  stepsOf,
} from '../../core/planning/chain.js';
import { lockedColumns, lockedRow } from '../guard/column-values.js';
import { databaseValue } from '../guard/driver-values.js';
import { databaseError } from '../commit/database-errors.js';
import type { JournalEntry } from '../../core/planning/journal-entry.js';
import { openTransaction } from '../commit/open-transaction.js';
import type { LockedRow, PlannedTransition } from '../../core/planning/plan.js';
import { revisionConflict, unknownResource } from '../../core/planning/plan.js';
import { partitionOf } from '../partition.js';
import type { DeadlineChange } from '../../core/planning/transition-request.js';
import { lookup, zipUnnest } from './arrays.js';
import {
  bigintArray,
  intArray,
  smallintArray,
  textArray,
  timeArray,
  uuidArray,
} from './binary-arrays.js';
import { castType, sinceText, stateSets, stateSql, stateText, uuidSql } from './columns.js';
import { runNamedWithin } from './connection.js';
import { placeSql, rearmedSql } from './deadlines.js';
import type { PreparedValue } from './prepared.js';
import { type NamedStatement, namedStatement } from './prepared-statement.js';

/** Runs a statement in the manager's transaction, its errors typed. */
async function run<TRow>(
  manager: EntityManager,
  text: string,
  values: unknown[],
): Promise<readonly TRow[]> {
  try {
    openTransaction(manager);
    return await manager.query<TRow[]>(text, values);
  } catch (error) {
    throw databaseError(error);
  }
}

/** Locks rows in uuid order and reads them as they are then. */
export async function lockRows(
  manager: EntityManager,
  binding: ResourceBinding,
  uuids: readonly string[],
  skipLocked = false,
): Promise<ReadonlyMap<string, LockedRow>> {
  const { table, columns } = binding;
  const rows = await run<Record<string, unknown>>(
    manager,
    `SELECT r.* FROM (
      SELECT unnest((SELECT $1::uuid[])) AS signalbox_uuid_asked ORDER BY 1
    ) q CROSS JOIN LATERAL (${lookup(
      lockedColumns(binding),
      table,
      columns.uuid.sql,
      uuidSql(binding, 'q.signalbox_uuid_asked'),
      `FOR NO KEY UPDATE ${skipLocked ? 'SKIP LOCKED' : ''}`,
    )}) r`,
    [uuids],
  );
  return new Map(rows.map((raw) => lockedRow(binding, raw)).map((row) => [row.uuid, row]));
}

/** The revisions that armed these deadlines. */
export async function readArmedRevisions(
  manager: EntityManager,
  resource: string,
  deadlines: readonly { readonly uuid: string; readonly id: string }[],
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await runNamedWithin(manager, armedStatement, [
    uuidArray(deadlines.map(({ uuid }) => uuid)),
    textArray(deadlines.map(({ id }) => id)),
    resource,
  ]);
  return new Map(rows.map(([uuid, revision]) => [uuid as string, Number(revision)]));
}

const armedStatement = namedStatement(`
  SELECT q.uuid, armed.revision FROM ${zipUnnest([
    ['$1::uuid[]', 'uuid'],
    ['$2::text[]', 'deadline'],
  ])} q CROSS JOIN LATERAL (
    SELECT d.revision FROM signalbox_deadline d
      WHERE d.uuid = q.uuid AND d.resource = $3 AND d.deadline = q.deadline OFFSET 0
  ) armed`);

/**
 * Writes the rows of planned transitions by compare-and-set, all or none, then what they announce and
 * their deadlines. A row that moves several times is written once, unless something on its table may
 * tell the difference. Rejects with ConflictError or RefusedError when a row is not as planned, nothing
 * written if each row moves once.
 */
export async function writePlans(
  manager: EntityManager,
  binding: ResourceBinding,
  plans: readonly PlannedTransition[],
  space: string,
): Promise<void> {
  failpoint('compare-and-set');
  const stepwise =
    hasChain(plans.map(({ outcome }) => outcome)) && (await watched(manager, binding));
  for (const step of stepwise ? stepsOf(plans) : [plans]) {
    const changes = rowChanges(step);
    const left = await writeRows(manager, binding, changes);
    if (left.length === 0) continue;
    const conflict = await conflictOf(manager, binding, left);
    if (conflict !== undefined) throw conflict;
    // Rows that were changed since the statement's snapshot are locked now, and the next one sees them.
    const [swallowed] = await writeRows(manager, binding, left);
    if (swallowed !== undefined) throw updateSwallowed(binding, swallowed.uuid);
  }
  await writeEntries(
    manager,
    plans.flatMap(({ entries }) => entries),
    space,
  );
  await writeDeadlines(manager, deadlineChanges(plans), space);
}

/**
 * Whether something on the table may tell steps in between from the last one: a trigger, a rule, a
 * policy, a CHECK, or a unique index that may depend on the state.
 */
export async function watched(
  manager: EntityManager,
  { table }: ResourceBinding,
): Promise<boolean> {
  const { rows } = await runNamedWithin(manager, watchedStatement, [table]);
  return rows[0]?.[0] !== 'no';
}

const watchedStatement = namedStatement(`
  SELECT CASE WHEN c.relhasrules OR c.relrowsecurity
      OR EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
      OR EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('c', 'x'))
      OR EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique
        AND (i.indnatts > 1 OR i.indpred IS NOT NULL OR i.indexprs IS NOT NULL))
    THEN 'yes' ELSE 'no' END
  FROM pg_class c WHERE c.oid = $1::regclass`);

/** Returns the rows that it left alone: all of them where any is not as planned. */
async function writeRows(
  manager: EntityManager,
  binding: ResourceBinding,
  changes: readonly RowChange[],
): Promise<readonly RowChange[]> {
  const { stateSince, remembered } = binding.columns;
  const { rows } = await runNamedWithin(manager, rowsStatementOf(binding), [
    uuidArray(changes.map(({ uuid }) => uuid)),
    textArray(changes.map(({ old }) => stateText(binding, old.state))),
    textArray(changes.map(({ update }) => stateText(binding, update.state))),
    bigintArray(changes.map(({ update }) => update.revision)),
    textArray(
      changes.map(({ update }) =>
        stateSince === undefined || update.stateSince === undefined
          ? undefined
          : sinceText(stateSince, update.stateSince),
      ),
    ),
    intArray(changes.map(({ update }) => update.lifecycleVersion)),
    bigintArray(changes.map(({ old }) => old.revision)),
    ...(remembered === undefined
      ? []
      : [
          textArray(
            changes.map(({ update }) =>
              update.remembered == null
                ? undefined
                : String(databaseValue(remembered, update.remembered)),
            ),
          ),
        ]),
  ]);
  const written = new Set(rows.map(([uuid]) => uuid));
  return changes.filter(({ uuid }) => !written.has(uuid));
}

const rowsStatements = new WeakMap<ResourceBinding, NamedStatement>();

function rowsStatementOf(binding: ResourceBinding): NamedStatement {
  let statement = rowsStatements.get(binding);
  if (statement === undefined) {
    statement = namedStatement(rowsStatement(binding));
    rowsStatements.set(binding, statement);
  }
  return statement;
}

function rowsStatement(binding: ResourceBinding): string {
  const { table, columns } = binding;
  const { uuid, revision, stateSince, lifecycleVersion, remembered } = columns;
  const sets = [
    ...stateSets(binding, 'c.target'),
    `${revision.sql} = c.revision`,
    ...automaticSets(binding, 'r.', '(c.revision - c.expected)::int'),
    ...(lifecycleVersion === undefined ? [] : [`${lifecycleVersion.sql} = c.version`]),
    ...(stateSince === undefined
      ? []
      : [
          `${stateSince.sql} = CASE WHEN c.since IS NULL THEN r.${stateSince.sql} ` +
            `ELSE c.since::${castType(stateSince)} END`,
        ]),
    ...(remembered === undefined
      ? []
      : [
          `${remembered.sql} = coalesce(c.remembered::${castType(remembered)}, r.${remembered.sql})`,
        ]),
  ];
  return `WITH plan AS MATERIALIZED ${zipUnnest([
    ['$1::uuid[]', 'uuid'],
    ['$2::text[]', 'origin'],
    ['$3::text[]', 'target'],
    ['$4::bigint[]', 'revision'],
    ['$5::text[]', 'since'],
    ['$6::int[]', 'version'],
    ['$7::bigint[]', 'expected'],
    ...(remembered === undefined ? [] : [['$8::text[]', 'remembered'] as const]),
  ])}, checked AS MATERIALIZED (
    SELECT p.*, r.part, r.place FROM (SELECT * FROM plan ORDER BY uuid) p
      CROSS JOIN LATERAL (${lookup(
        `r.tableoid AS part, r.ctid AS place, ${stateSql(binding, 'r')} AS state, r.${revision.sql} AS revision`,
        `${table} r`,
        `r.${uuid.sql}`,
        uuidSql(binding, 'p.uuid'),
        'FOR NO KEY UPDATE',
      )}) r
    WHERE r.state = p.origin AND r.revision = p.expected
  ), moved AS (
    UPDATE ${table} AS r SET ${sets.join(', ')} FROM checked c
    WHERE r.ctid = c.place AND r.tableoid = c.part
      AND (SELECT count(*) FROM checked) = cardinality($1::uuid[])
    RETURNING c.uuid
  ) SELECT uuid FROM moved`;
}

function updateSwallowed({ resource }: ResourceBinding, uuid: string): ConfigurationError {
  return new ConfigurationError(
    'DATABASE_ERROR',
    `The database did not update ${resource} ${uuid}: a trigger or a row policy kept it from doing so. ` +
      'Nothing was written.',
    { parameters: { resource, uuid } },
  );
}

async function conflictOf(
  manager: EntityManager,
  binding: ResourceBinding,
  changes: readonly RowChange[],
): Promise<Error | undefined> {
  const rows = await lockRows(
    manager,
    binding,
    changes.map(({ uuid }) => uuid),
  );
  for (const { uuid, old } of changes) {
    const row = rows.get(uuid);
    if (row === undefined) {
      return unknownResource(binding, uuid);
    }
    if (row.revision !== old.revision || row.state !== old.state) {
      return revisionConflict(binding, row, old.revision);
    }
  }
  return undefined;
}

/** Appends entries to journal and outbox, in their order. */
export async function writeEntries(
  manager: EntityManager,
  entries: readonly JournalEntry[],
  space: string,
): Promise<void> {
  if (entries.length > 0) {
    failpoint('journal');
    await runNamedWithin(manager, appendStatement, appendValues(entries, space));
  }
}

/** SQL text of the application's id, of the parameter that is its space. */
export function applicationSql(space: string): string {
  return `coalesce(nullif(rtrim(${space}::text, '#'), ''), '0')::smallint`;
}

/** Appends entries; its parameters are `appendValues`. */
export const appendStatement = namedStatement(`
  WITH events AS MATERIALIZED (
    SELECT nextval('signalbox_journal_position_seq') AS position, said.* FROM (
      SELECT * FROM ${zipUnnest([
        ['$1::uuid[]', 'id'],
        ['$2::text[]', 'source'],
        ['$3::text[]', 'category'],
        ['$4::text[]', 'type'],
        ['$5::text[]', 'resource'],
        ['$6::uuid[]', 'uuid'],
        ['$7::bigint[]', 'revision'],
        ['$8::timestamptz[]', 'time'],
        ['$9::text[]', 'payload'],
        ['$10::smallint[]', 'share'],
        ['$11::int[]', 'ord'],
      ])} q ORDER BY ord
    ) said
  ), journal AS (
    INSERT INTO signalbox_journal
      (position, id, source, category, type, resource, uuid, revision, time, payload, application)
    SELECT position, id, source, category, type, resource, uuid, revision, time, payload,
      ${applicationSql('$12')} FROM events
  )
  INSERT INTO signalbox_outbox (position, bus, share) SELECT position, $12::text, share FROM events`);

/** The parameters of `appendStatement`. */
export function appendValues(
  entries: readonly JournalEntry[],
  space: string,
): readonly PreparedValue[] {
  return [
    uuidArray(entries.map(({ id }) => id)),
    textArray(entries.map(({ source }) => source)),
    textArray(entries.map(({ category }) => category)),
    textArray(entries.map(({ type }) => type)),
    textArray(entries.map(({ resource }) => resource ?? undefined)),
    uuidArray(entries.map(({ uuid }) => uuid ?? undefined)),
    bigintArray(entries.map(({ revision }) => revision ?? undefined)),
    timeArray(entries.map(({ time }) => time)),
    textArray(entries.map(({ payload }) => payload)),
    smallintArray(entries.map(({ uuid, id }) => partitionOf(uuid ?? id))),
    intArray(entries.map((_, index) => index)),
    space,
  ];
}

/** Cancels and arms deadlines. */
export async function writeDeadlines(
  manager: EntityManager,
  changes: readonly DeadlineChange[],
  space: string,
): Promise<void> {
  const cancels = changes.flatMap<{ resource: string; uuid: string; id: string | null }>(
    ({ resource, uuid, cancels }) =>
      cancels === 'all'
        ? [{ resource, uuid, id: null }]
        : cancels.map((id) => ({ resource, uuid, id })),
  );
  if (cancels.length > 0) {
    await runNamedWithin(manager, cancelStatement, [
      textArray(cancels.map(({ resource }) => space + resource)),
      uuidArray(cancels.map(({ uuid }) => uuid)),
      textArray(cancels.map(({ id }) => id ?? undefined)),
    ]);
  }
  const arms = changes.flatMap(({ resource, uuid, revision, version, arms }) =>
    arms.map(({ id, after }) => ({ resource, uuid, revision, version, id, after })),
  );
  if (arms.length > 0) {
    await runNamedWithin(manager, armStatement, [
      textArray(arms.map(({ resource }) => space + resource)),
      uuidArray(arms.map(({ uuid }) => uuid)),
      textArray(arms.map(({ id }) => id)),
      bigintArray(arms.map(({ revision }) => revision)),
      bigintArray(arms.map(({ after }) => after)),
      intArray(arms.map(({ version }) => version)),
    ]);
  }
}

const cancelStatement = namedStatement(`
  DELETE FROM signalbox_deadline d
  USING ${zipUnnest([
    ['$1::text[]', 'resource'],
    ['$2::uuid[]', 'uuid'],
    ['$3::text[]', 'deadline'],
  ])} c
  WHERE d.uuid = ANY ((SELECT $2::uuid[])::uuid[])
    AND d.uuid = c.uuid AND d.resource = c.resource
    AND (c.deadline IS NULL OR c.deadline IN (d.deadline, ${placeSql('d.deadline')}))`);

const armStatement = namedStatement(`
  INSERT INTO signalbox_deadline (resource, uuid, deadline, revision, version, due_at)
  SELECT a.resource, a.uuid, a.deadline, a.revision, a.version,
    clock_timestamp() + a.after * interval '1 millisecond'
  FROM ${zipUnnest([
    ['$1::text[]', 'resource'],
    ['$2::uuid[]', 'uuid'],
    ['$3::text[]', 'deadline'],
    ['$4::bigint[]', 'revision'],
    ['$5::bigint[]', 'after'],
    ['$6::int[]', 'version'],
  ])} a
  ON CONFLICT (uuid, resource, deadline)
    DO UPDATE SET ${rearmedSql}`);
