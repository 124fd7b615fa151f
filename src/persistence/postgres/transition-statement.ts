import { largestRevision } from '../../core/planning/unusable-row.js';
import { headParts } from '../../core/planning/announcement.js';
import { idOfSpace } from '../application.js';
import { automaticSets } from '../guard/automatic-columns.js';
import type { ResourceBinding } from '../resource/binding.js';
import { planFence, lookup, separatorSql, zipUnnest, textListSql } from './arrays.js';
import { castType, stateSets, stateSql, tenancySql, uuidSql } from './columns.js';
import { placeSql, rearmedSql } from './deadlines.js';

/** Parts of the statement that a batch may not need. */
export interface StatementVariant {
  /** Some edge announces more than its state change. */
  readonly effects: boolean;
  /** Some edge arms a deadline. */
  readonly arms: boolean;
  /** Some edge cancels a deadline. */
  readonly cancels: boolean;
  /** A batch, which leaves out rows that others hold locked, or a single request, which waits. */
  readonly several: boolean;
  /** The event of a single request has more than one edge to choose from. */
  readonly choice: boolean;
}

/**
 * Outcome of a request: its row moved, stays as it is, is locked by another transaction, or is not there.
 * A row that stays although its step is lawful was changed between the statement's snapshot and its lock,
 * or something on the table kept it from being updated.
 */
export type RowResult = 'moved' | 'still' | 'busy' | 'gone';

/**
 * One statement that moves resources: finds each one's edge, compares and sets, and writes journal,
 * outbox and deadlines, in one commit and one round trip. Pure. A batch brings its requests as arrays
 * and the database writes the heads of the payloads, which are alike but for a few words; a single
 * request brings its own.
 *
 * What it decides is decided on the rows as locked. Under READ COMMITTED a locked row may be newer
 * than the statement's snapshot, and then the deadlines of that newer row are invisible to the
 * statement: it leaves such a row alone. Of a single request it returns a row when it moved, and none
 * when it did not, whatever the reason.
 *
 * Rows are looked up one by one, and updated where they were found: whatever the planner knows of a table,
 * and whenever it made its plan, it reads no others.
 *
 * @param space What stands before the names of the application's buses and resources.
 */
export function transitionStatement(
  binding: ResourceBinding,
  variant: StatementVariant,
  space = '',
): string {
  const { effects, arms, cancels, several } = variant;
  const events = effects ? 'said' : 'moved';
  // Behind the parameters that each statement has.
  const next = several ? 20 : 18;
  const deadlines = next + (effects ? 12 : 0);
  return `WITH ${[
    ...(several ? severalMoved(binding, variant) : oneMoved(binding, variant)),
    ...(effects ? [`said AS MATERIALIZED (${emitted(next)})`] : []),
    `journal AS (
      INSERT INTO signalbox_journal
        (position, id, source, category, type, resource, uuid, revision, time, payload, application)
      SELECT position, id, source, category, type, $17::text, uuid, revision, time, payload,
        ${idOfSpace(space)} FROM ${events})`,
    `outbox AS (
      INSERT INTO signalbox_outbox (position, bus, share)
        SELECT position, '${space}', share FROM ${events})`,
    ...(cancels ? [cancelled(deadlines, space)] : []),
    ...(arms ? [armed(binding, deadlines + (cancels ? 3 : 0), space)] : []),
  ].join(',\n')}
  ${several ? severalFound(binding) : oneMovedRow}`;
}

/** A batch. */
function severalMoved(binding: ResourceBinding, { effects }: StatementVariant): readonly string[] {
  const { table, columns } = binding;
  const { uuid, revision } = columns;
  const texts = textListSql;
  return [
    `request AS MATERIALIZED ${zipUnnest([
      ['$1::uuid[]', 'uuid'],
      ['$2::int[]', 'event'],
      ['$3::bigint[]', 'expected'],
      ['$4::uuid[]', 'id'],
      ['$5::smallint[]', 'share'],
      ['$6::timestamptz[]', 'time'],
      [textListSql(7), 'written'],
      [textListSql(8), 'context'],
      [textListSql(9), 'tail'],
      [textListSql(10), 'since'],
      // The planner takes the series itself for a thousand rows.
      ['array_agg(i) FROM generate_series(1, cardinality($1::uuid[])) AS i', 'ord'],
    ])}`,
    `locked AS MATERIALIZED (
      SELECT q.*, q.uuid::text AS name, r.*,
        ((q.expected IS NULL OR q.expected = r.revision) AND r.revision < ${largestRevision}) AS eligible
      FROM (SELECT * FROM request ORDER BY uuid) q CROSS JOIN LATERAL (${lookup(
        `r.tableoid AS part, r.ctid AS place, ${stateSql(binding, 'r')} AS state,
          r.${revision.sql}::bigint AS revision`,
        `${table} r`,
        `r.${uuid.sql}`,
        uuidSql(binding, 'q.uuid'),
        'FOR NO KEY UPDATE SKIP LOCKED',
      )}) r)`,
    // A row that was changed since the snapshot is at a place where the snapshot has none.
    `moved AS (
      UPDATE ${table} AS r SET ${assignments(binding, 'e.target', 'l.since', {
        old: 'l.state',
        revision: 'l.revision',
      })}
      FROM locked l JOIN unnest(${array(11, 'int')}, ${array(12, 'int')}, ${texts(13)},
          ${texts(14)}, ${texts(15)}, ${texts(16)}, ${texts(18)}, ${texts(19)})
          AS e (edge, event, origin, target, type, data, source, subject)
        ON e.event = l.event AND e.origin = l.state
      WHERE r.ctid = l.place AND r.tableoid = l.part AND l.eligible
      RETURNING l.ord, l.state AS old, l.uuid, l.id, l.share, l.time, e.source, e.edge, e.type,
        ${movedFacts(binding, effects, batchHead, 'e.data || l.tail', '(l.revision + 1)')})`,
  ];
}

/**
 * `payloadHead` of a state event. In twos and threes, since each `||` copies what is before it: once the
 * text is long, as little as possible.
 */
const batchHead = `(((${sqlText(headParts.id)} || l.id::text) || (e.subject || l.name))
  || (${sqlText(`",${headParts.time}`)} || l.written || ${sqlText(`${headParts.schema('ResourceStateEvent')}","partitionkey":"`)})
  || (l.name || '"' || l.context))`;

function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Looks for rows that did not move, only when at least one did not. */
function severalFound(binding: ResourceBinding): string {
  const { table, columns } = binding;
  return `
    SELECT ord, old AS state, revision - 1 AS revision, 'moved' AS fate FROM moved
    UNION ALL
    SELECT q.ord, l.state, l.revision, CASE
        WHEN l.ord IS NULL AND (${lookup(
          'true',
          `${table} r`,
          `r.${columns.uuid.sql}`,
          uuidSql(binding, 'q.uuid'),
        )}) THEN 'busy' WHEN l.ord IS NULL THEN 'gone' ELSE 'still' END
    FROM request q LEFT JOIN locked l ON l.ord = q.ord
    WHERE (SELECT count(*) FROM moved) < cardinality($1::uuid[])
      AND NOT EXISTS (SELECT FROM moved m WHERE m.ord = q.ord)`;
}

/**
 * A single request, which waits for its row. No lock before the update, and nothing to tell of a row
 * that does not move: it is what setting up the steps costs that one row pays.
 *
 * The update is bound to the row as the statement first saw it where that matters, so that a row that
 * moved meanwhile is left alone: PostgreSQL tests the condition again on the row as locked, against the
 * same `seen`. No condition on the row's own columns may lead to an index of theirs.
 */
function oneMoved(
  binding: ResourceBinding,
  { cancels, choice, effects }: StatementVariant,
): readonly string[] {
  const { table, columns } = binding;
  const { revision } = columns;
  const bound = choice || cancels;
  const old = bound ? 'seen.state' : '$13::text';
  const place = `array_position(string_to_array($13::text, ${separatorSql}), ${old})`;
  const edge = (number: number) =>
    choice ? `(string_to_array($${number}::text, ${separatorSql}))[${place}]` : `$${number}::text`;
  return [
    `moved AS (
      UPDATE ${table} AS r SET ${assignments(binding, edge(14), '$10::text', {
        old: stateSql(binding, 'r'),
        revision: `r.${revision.sql}`,
      })}
      FROM (${seenRow(binding, '$1::uuid')}) seen
      WHERE r.ctid = seen.place AND r.tableoid = seen.part
        AND ($3::bigint IS NULL OR r.${revision.sql} = $3::bigint)
        AND r.${revision.sql}::bigint + 1 <= ${largestRevision}
        ${
          bound
            ? `AND seen.revision = r.${revision.sql} AND seen.state = ${stateSql(binding, 'r')}`
            : ''
        }
        AND ${choice ? `${place} IS NOT NULL` : `${stateSql(binding, 'r')} = $13::text`}
      RETURNING 1 AS ord, $1::uuid AS uuid, $4::uuid AS id, $5::smallint AS share,
        $6::timestamptz AS time, $7::text AS source, ${old} AS old,
        ($11::int[])[${choice ? place : 1}] AS edge, ${edge(15)} AS type,
        ${movedFacts(binding, effects, '$8::text', `${edge(16)} || $9::text`, `r.${revision.sql}`)})`,
  ];
}

/** A row as the statement's snapshot has it, and where. */
export function seenRow(binding: ResourceBinding, uuid: string): string {
  const { revision } = binding.columns;
  return lookup(
    `s.tableoid AS part, s.ctid AS place, ${stateSql(binding, 's')} AS state,
      s.${revision.sql}::bigint AS revision`,
    `${binding.table} s`,
    `s.${binding.columns.uuid.sql}`,
    uuidSql(binding, uuid),
  );
}

// Every parameter must be named somewhere, or PostgreSQL cannot tell its type. And nothing that returns may
// have the type of a user's column: when a migration changes that, a connection refuses the statement for good.
const oneMovedRow = `
  SELECT 1 AS ord, old AS state, (revision - 1)::bigint AS revision, 'moved' AS fate
  FROM moved WHERE num_nulls($2::text, $10::text, $12::text) = 0`;

function assignments(
  binding: ResourceBinding,
  target: string,
  since: string,
  row: { readonly old: string; readonly revision: string },
): string {
  const { columns, lifecycle } = binding;
  const { revision, stateSince, lifecycleVersion } = columns;
  return [
    ...stateSets(binding, target),
    `${revision.sql} = ${row.revision} + 1`,
    ...automaticSets(binding, 'r.'),
    ...(lifecycleVersion === undefined
      ? []
      : [`${lifecycleVersion.sql} = ${Number(lifecycle.version)}`]),
    ...(stateSince === undefined
      ? []
      : [
          `${stateSince.sql} = CASE WHEN ${target} = ${row.old} THEN r.${stateSince.sql} ` +
            `ELSE (${since})::${castType(stateSince)} END`,
        ]),
  ].join(', ');
}

/**
 * The position is drawn here, under the row's lock, so that positions rise with a resource's revisions.
 * What the row tells of the payload is returned too where effects go on to use it.
 */
function movedFacts(
  binding: ResourceBinding,
  effects: boolean,
  head: string,
  data: string,
  revision: string,
): string {
  const middle = `${tenancySql(binding, 'r')} || ',"revision":' || ${revision} || ',"data":'`;
  return `${nextPosition} AS position, 'ResourceStateEvent' AS category, ${revision} AS revision,
    ${head} || (${middle} || ${data}) AS payload ${effects ? `, ${middle} AS middle` : ''}`;
}

const nextPosition = `nextval('signalbox_journal_position_seq')`;

/** State events with those they cause, which are drawn later and so lie behind them. */
const emitted = (next: number): string => `
  SELECT position, id, category, type, uuid, revision, time, source, share, payload FROM moved
  UNION ALL
  SELECT ${nextPosition}, id, category, type, uuid, revision, time, source, share, payload FROM (
    SELECT s.id, f.category, f.type, m.uuid, m.revision, m.time, m.source, m.share,
      s.head || m.middle || f.head || CASE WHEN f.names THEN m.uuid::text ELSE '' END || f.tail
        AS payload
    FROM moved m
      JOIN unnest(${array(next, 'int')}, ${array(next + 1, 'int')}, ${array(next + 2, 'int')},
          ${array(next + 3, 'boolean')}, ${textListSql(next + 4)}, ${textListSql(next + 5)}, ${textListSql(next + 6)},
          ${textListSql(next + 7)}) AS f (edge, place, saying, names, category, type, head, tail)
        ON f.edge = m.edge
      JOIN ${zipUnnest([
        [`$${next + 8}::int[]`, 'ord'],
        [`$${next + 9}::int[]`, 'saying'],
        [`$${next + 10}::uuid[]`, 'id'],
        [textListSql(next + 11), 'head'],
      ])} s
        ON s.ord = m.ord AND s.saying = f.saying
    ORDER BY m.ord, f.place) caused`;

function cancelled(first: number, space: string): string {
  return `cancelled AS (
    DELETE FROM signalbox_deadline d
    USING moved m JOIN unnest(${array(first, 'int')}, ${textListSql(first + 1)},
        ${textListSql(first + 2)}) AS c (edge, place, kept)
      ON c.edge = m.edge
    WHERE d.uuid = ANY (ARRAY(SELECT uuid FROM moved))
      AND d.uuid = m.uuid AND d.resource = ${inSpace(space)} AND ${placeSql('d.deadline')} = c.place
      AND d.deadline <> ALL (string_to_array(c.kept, E'\\n')))`;
}

function armed({ lifecycle }: ResourceBinding, first: number, space: string): string {
  return `armed AS (
    INSERT INTO signalbox_deadline (resource, uuid, deadline, revision, version, due_at)
    SELECT ${inSpace(space)}, m.uuid, a.deadline, m.revision, ${Number(lifecycle.version)},
      clock_timestamp() + a.after * interval '1 millisecond'
    FROM moved m JOIN unnest(${array(first, 'int')}, ${textListSql(first + 1)},
        ${array(first + 2, 'bigint')}) AS a (edge, deadline, after)
      ON a.edge = m.edge
    ON CONFLICT (uuid, resource, deadline)
      DO UPDATE SET ${rearmedSql})`;
}

/** The resource as deadlines name it. */
function inSpace(space: string): string {
  return space === '' ? '$17::text' : `('${space}' || $17::text)`;
}

function array(number: number, type: string): string {
  return planFence(`$${number}::${type}[]`);
}
