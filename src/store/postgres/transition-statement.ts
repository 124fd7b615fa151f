import type { ResourceBinding } from '../binding.js';
import { textListSql } from './arrays.js';
import { castType, tenancySql } from './columns.js';

/** Parts of the statement that a batch may not need. */
export interface StatementVariant {
  /** Some edge announces more than its state change. */
  readonly effects: boolean;
  /** Some edge arms a deadline. */
  readonly arms: boolean;
  /** Some edge cancels a deadline. */
  readonly cancels: boolean;
  /** Wait for rows that others hold locked, in uuid order, instead of leaving them out. */
  readonly waits: boolean;
}

/**
 * One statement that moves a batch of resources: locks their rows, finds each one's edge, compares and
 * sets, and writes journal, outbox and deadlines, in one commit and one round trip. Pure.
 *
 * What it decides is decided on the rows as locked. Under READ COMMITTED a locked row may be newer
 * than the statement's snapshot, and then the deadlines of that newer row are invisible to the
 * statement; where it would cancel some, it leaves such a row alone and says that it raced.
 */
export function transitionStatement(
  binding: ResourceBinding,
  { effects, arms, cancels, waits }: StatementVariant,
): string {
  const { table, columns } = binding;
  const { uuid, state, revision, stateSince, lifecycleVersion } = columns;
  const uuidOf = (alias: string) =>
    uuid.type === 'uuid' ? `${alias}.uuid` : `${alias}.uuid::text::${castType(uuid)}`;
  const next = textListSql;

  const request = `
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::bigint[], $4::uuid[], $5::smallint[],
      $6::timestamptz[], ${next('$7')}, ${next('$8')}, ${next('$9')}, ${next('$10')})
      WITH ORDINALITY AS q (uuid, event, expected, id, share, time, source, head, tail, since, ord)`;

  const locked = `
    SELECT q.*, r.${state.sql}::text AS state, r.${revision.sql}::bigint AS revision,
      ${cancels ? `seen.${revision.sql} IS DISTINCT FROM r.${revision.sql}` : 'false'} AS raced
    FROM request q JOIN ${table} r ON r.${uuid.sql} = ${uuidOf('q')}
      ${cancels ? `LEFT JOIN ${table} seen ON seen.${uuid.sql} = ${uuidOf('q')}` : ''}
    ORDER BY q.uuid FOR NO KEY UPDATE OF r ${waits ? '' : 'SKIP LOCKED'}`;

  const sets = [
    `${state.sql} = e.target::${castType(state)}`,
    `${revision.sql} = l.revision + 1`,
    ...(lifecycleVersion === undefined
      ? []
      : [`${lifecycleVersion.sql} = ${Number(binding.lifecycle.version)}`]),
    ...(stateSince === undefined
      ? []
      : [
          `${stateSince.sql} = CASE WHEN e.target = l.state THEN r.${stateSince.sql} ` +
            `ELSE l.since::${castType(stateSince)} END`,
        ]),
  ];
  // No condition on the row's own columns: it would be tested on the snapshot's row, not the locked one.
  const moved = `
    UPDATE ${table} AS r SET ${sets.join(', ')}
    FROM locked l JOIN unnest($11::int[], $12::int[], ${next('$13')}, ${next('$14')},
        ${next('$15')}, ${next('$16')}) AS e (edge, event, origin, target, type, data)
      ON e.event = l.event AND e.origin = l.state
    WHERE r.${uuid.sql} = ${uuidOf('l')} AND NOT l.raced
      AND (l.expected IS NULL OR l.expected = l.revision)
    RETURNING l.ord, l.uuid, l.id, l.share, l.time, l.source, e.edge, e.type, l.revision + 1 AS revision,
      ${tenancySql(binding, 'r')} || ',"revision":' || (l.revision + 1) || ',"data":' AS middle,
      l.head, e.data || l.tail AS data`;

  const stateEvents = `
    SELECT ord, 0 AS place, id, 'ResourceStateEvent' AS category, type, uuid, revision, time, source,
      share, head || middle || data AS payload
    FROM moved`;
  const effectEvents = `
    SELECT m.ord, f.place, s.id, f.category, f.type, m.uuid, m.revision, m.time, m.source, m.share,
      s.head || m.middle || f.head || CASE WHEN f.names THEN m.uuid::text ELSE '' END || f.tail
    FROM moved m
      JOIN unnest($18::int[], $19::int[], $20::int[], $21::boolean[], ${next('$22')}, ${next('$23')},
        ${next('$24')}, ${next('$25')}) AS f (edge, place, saying, names, category, type, head, tail)
        ON f.edge = m.edge
      JOIN unnest($26::int[], $27::int[], $28::uuid[], ${next('$29')}) AS s (ord, saying, id, head)
        ON s.ord = m.ord AND s.saying = f.saying
    ORDER BY ord, place`;
  // Positions are drawn here, under the row locks, so that they rise with a resource's revisions.
  const events = `
    SELECT nextval('signalbox_journal_position_seq') AS position, said.*
    FROM (${effects ? `${stateEvents} UNION ALL ${effectEvents}` : stateEvents}) said`;

  const parts = [
    `request AS MATERIALIZED (${request})`,
    `locked AS MATERIALIZED (${locked})`,
    `moved AS (${moved})`,
    `events AS MATERIALIZED (${events})`,
    `journal AS (
      INSERT INTO signalbox_journal
        (position, id, source, category, type, resource, uuid, revision, time, payload)
      SELECT position, id, source, category, type, $17::text, uuid, revision, time, payload FROM events)`,
    `outbox AS (
      INSERT INTO signalbox_outbox (position, share) SELECT position, share FROM events)`,
    ...(cancels ? [cancelled(effects)] : []),
    ...(arms ? [armed(effects, cancels)] : []),
  ];
  return `WITH ${parts.join(',\n')}
    SELECT q.ord, l.state, l.revision, m.ord IS NOT NULL AS moved, coalesce(l.raced, false) AS raced,
      CASE WHEN l.ord IS NULL
        THEN EXISTS (SELECT FROM ${table} r WHERE r.${uuid.sql} = ${uuidOf('q')}) ELSE false END AS busy
    FROM request q LEFT JOIN locked l ON l.ord = q.ord LEFT JOIN moved m ON m.ord = q.ord`;
}

function cancelled(effects: boolean): string {
  const first = effects ? 30 : 18;
  return `cancelled AS (
    DELETE FROM signalbox_deadline d
    USING moved m JOIN unnest($${first}::int[], ${textListSql(`$${first + 1}`)}) AS c (edge, deadline)
      ON c.edge = m.edge
    WHERE d.uuid = m.uuid AND d.resource = $17::text AND d.deadline = c.deadline)`;
}

function armed(effects: boolean, cancels: boolean): string {
  const first = (effects ? 30 : 18) + (cancels ? 2 : 0);
  return `armed AS (
    INSERT INTO signalbox_deadline (resource, uuid, deadline, revision, due_at)
    SELECT $17::text, m.uuid, a.deadline, m.revision, clock_timestamp() + a.after * interval '1 millisecond'
    FROM moved m JOIN unnest($${first}::int[], ${textListSql(`$${first + 1}`)}, $${first + 2}::bigint[])
      AS a (edge, deadline, after) ON a.edge = m.edge
    ON CONFLICT (uuid, resource, deadline)
      DO UPDATE SET revision = excluded.revision, due_at = excluded.due_at)`;
}
