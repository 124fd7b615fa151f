import type { EntityManager } from 'typeorm';
import { failpoint } from '../../core/failpoints/failpoints.js';
import { automaticSets } from '../guard/automatic-columns.js';
import type { ResourceBinding } from '../resource/binding.js';
import type { JournalEntry } from '../../core/planning/journal-entry.js';
import type { LockedRow, PlannedTransition } from '../../core/planning/plan.js';
import { partitionOf } from '../partition.js';
import { castType, sinceText, stateSets, stateSql, stateText } from './columns.js';
import { runNamedWithin } from './connection.js';
import { applicationSql, writeDeadlines, writeEntries } from './planned-writes.js';
import { type NamedStatement, namedStatement } from './prepared-statement.js';
import { seenRow } from './transition-statement.js';

const optionalRoles = [
  'lifecycleVersion',
  'stateSince',
  'remembered',
  'account',
  'domain',
  'project',
] as const;
const tenancyRoles = ['account', 'domain', 'project'] as const;

const statements = new WeakMap<ResourceBinding, NamedStatement>();

/**
 * Writes a planned transition by compare-and-set on all that its plan read of the row, which need not
 * be locked: row, journal and outbox in one named statement, then the events that the state change
 * causes, and the deadlines. False, and nothing is written, where the row is not as seen.
 */
export async function writeSeen(
  manager: EntityManager,
  binding: ResourceBinding,
  seen: LockedRow,
  plan: PlannedTransition,
  space: string,
): Promise<boolean> {
  // What the row holds is compared, and the plan holds what a transformer made of it.
  if (tenancyRoles.some((role) => binding.columns[role]?.metadata.transformer !== undefined)) {
    return false;
  }
  const [entry, ...caused] = plan.entries as readonly [JournalEntry, ...JournalEntry[]];
  failpoint('compare-and-set');
  const { count } = await runNamedWithin(
    manager,
    statementOf(binding),
    parameters(binding, seen, plan, entry, space),
  );
  if (count === 0) {
    return false;
  }
  await writeEntries(manager, caused, space);
  // Apart, since a statement does not see deadlines that were armed after it began to wait for the row.
  await writeDeadlines(manager, [plan.deadlines], space);
  return true;
}

function statementOf(binding: ResourceBinding): NamedStatement {
  let statement = statements.get(binding);
  if (statement === undefined) {
    statement = namedStatement(seenStatement(binding));
    statements.set(binding, statement);
  }
  return statement;
}

/** The position is drawn under the row's lock, so that positions rise with a resource's revisions. */
function seenStatement(binding: ResourceBinding): string {
  const { table, columns } = binding;
  const { revision, lifecycleVersion, stateSince, remembered } = columns;
  const optional = new Map(presentRoles(binding).map((role, index) => [role, `$${index + 13}`]));
  const sets = [
    ...stateSets(binding, '$3::text'),
    `${revision.sql} = $4::bigint`,
    ...automaticSets(binding, 'r.'),
    ...(lifecycleVersion === undefined
      ? []
      : [`${lifecycleVersion.sql} = ${optional.get('lifecycleVersion')}::int`]),
    ...(stateSince === undefined
      ? []
      : [
          `${stateSince.sql} = coalesce(${optional.get('stateSince')}::text::${castType(stateSince)}, r.${stateSince.sql})`,
        ]),
    ...(remembered === undefined
      ? []
      : [
          `${remembered.sql} = coalesce(${optional.get('remembered')}::text::${castType(remembered)}, r.${remembered.sql})`,
        ]),
  ];
  const conditions = [
    'r.ctid = seen.place AND r.tableoid = seen.part',
    `${stateSql(binding, 'r')} = $2::text`,
    `r.${revision.sql} = $4::bigint - 1`,
    ...tenancyRoles.flatMap((role) => {
      const column = columns[role];
      return column === undefined
        ? []
        : [`r.${column.sql}::text IS NOT DISTINCT FROM ${optional.get(role)}::text`];
    }),
  ];
  return `WITH moved AS (
    UPDATE ${table} AS r SET ${sets.join(', ')} FROM (${seenRow(binding, '$1::uuid')}) seen
    WHERE ${conditions.join(' AND ')}
    RETURNING nextval('signalbox_journal_position_seq') AS position
  ), journal AS (
    INSERT INTO signalbox_journal
      (position, id, source, category, type, resource, uuid, revision, time, payload, application)
    SELECT position, $5::uuid, $6::text, 'ResourceStateEvent', $7::text, $8::text, $1::uuid,
      $4::bigint, $9::timestamptz, $10::text, ${applicationSql('$12')} FROM moved
  )
  INSERT INTO signalbox_outbox (position, bus, share)
    SELECT position, $12::text, $11::smallint FROM moved`;
}

function parameters(
  binding: ResourceBinding,
  seen: LockedRow,
  { update }: PlannedTransition,
  { id, source, type, resource, time, payload }: JournalEntry,
  space: string,
): readonly (string | null)[] {
  const since = binding.columns.stateSince;
  const optional = {
    lifecycleVersion: String(update.lifecycleVersion),
    stateSince:
      since === undefined || update.stateSince === undefined
        ? null
        : sinceText(since, update.stateSince),
    remembered: update.remembered ?? null,
    account: seen.tenancy?.account ?? null,
    domain: seen.tenancy?.domain ?? null,
    project: seen.tenancy?.project ?? null,
  };
  return [
    seen.uuid,
    stateText(binding, seen.state),
    stateText(binding, update.state),
    String(update.revision),
    id,
    source,
    type,
    resource,
    time,
    payload,
    String(partitionOf(seen.uuid)),
    space,
    ...presentRoles(binding).map((role) => optional[role]),
  ];
}

function presentRoles({ columns }: ResourceBinding): readonly (typeof optionalRoles)[number][] {
  return optionalRoles.filter((role) => columns[role] !== undefined);
}
