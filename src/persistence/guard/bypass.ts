import { RefusedError } from '../../core/errors/errors.js';
import type { ResourceBinding } from '../resource/binding.js';
import { guardedColumns, readRole } from './entity-roles.js';

/** The refusal of a write that TypeORM would make without Signalbox being able to announce it. */
export function bypassRefused(
  binding: ResourceBinding,
  write: string,
  remedy: string,
): RefusedError {
  return RefusedError.of(
    'WRITE_BYPASSES_LIFECYCLE',
    `${write} of ${binding.resource} would change its life without announcing it. ${remedy}`,
    { resource: binding.resource, write },
  );
}

/** The refusal of a save that changes what only a transition may change. */
export function directWriteRefused(
  binding: ResourceBinding,
  entity: object,
  property: string,
): RefusedError {
  const uuid = readRole(binding, entity, 'uuid');
  return RefusedError.of(
    'STATE_WRITTEN_DIRECTLY',
    `The save of ${binding.resource} ${String(uuid)} changes '${property}', which only a transition ` +
      'does. Call signalbox.send(entity, event) before saving, or leave it as it was read.',
    { resource: binding.resource, uuid: String(uuid), property },
  );
}

/** Kind of a write to a bound table in the form that TypeORM's builders use. */
type BuiltWrite = 'insert' | 'upsert' | 'update' | 'hide' | 'delete';

/**
 * Tells whether a statement is a write to the binding's table as TypeORM's builders word it, behind
 * their comment or common table expressions too, and whether it touches the lifecycle. Pure. SQL
 * written by hand is left alone, unless it happens to be worded the same.
 */
export function builtWrite(binding: ResourceBinding, sql: string): BuiltWrite | undefined {
  const { table } = binding;
  const at = (words: string): number =>
    prefixed(sql) ? sql.indexOf(words) : sql.startsWith(words) ? 0 : -1;
  const update = at(`UPDATE ${table} SET `);
  if (update >= 0) {
    return guardedUpdate(binding, sql.slice(update));
  }
  const deletion = at(`DELETE FROM ${table}`);
  if (deletion >= 0) {
    // Without a condition it deletes every row.
    return /^(?:$| WHERE | RETURNING )/.test(sql.slice(deletion + 12 + table.length))
      ? 'delete'
      : undefined;
  }
  const insert = at('INSERT ');
  if (insert >= 0) {
    const into = prefixed(sql) ? sql : sql.slice(0, table.length + 32);
    // On PostgreSQL an alias of the builder stands between the table and its columns.
    if ([`(`, ` AS "`].some((next) => into.includes(` INTO ${table}${next}`))) {
      return conflicting.test(sql) ? 'upsert' : 'insert';
    }
  }
  return undefined;
}

// Values are placeholders, so that none of these words can come from one.
const conflicting = /INSERT +(?:OR +)?IGNORE | ON CONFLICT | ON DUPLICATE KEY UPDATE /;

/** Whether a comment or common table expressions come first: the write is anywhere behind them then. */
function prefixed(sql: string): boolean {
  return sql.startsWith('/*') || sql.startsWith('WITH ');
}

function guardedUpdate(binding: ResourceBinding, update: string): 'update' | 'hide' | undefined {
  const assignments = update.slice(0, conditionOf(update));
  const sets = (sql: string): boolean => assignments.includes(` ${sql} = `);
  if (guardedColumns(binding).some(({ sql }) => sets(sql))) {
    return 'update';
  }
  const { deleteDateColumn, dataSource } = binding.metadata;
  return deleteDateColumn !== undefined &&
    sets(dataSource.driver.escape(deleteDateColumn.databaseName))
    ? 'hide'
    : undefined;
}

/** Where the condition of an UPDATE begins, and not one of a query in brackets or a word in quotes. */
function conditionOf(update: string): number {
  let depth = 0;
  for (const { 0: found, index } of update.matchAll(/'[^']*'|"[^"]*"|`[^`]*`|[()]| WHERE /g)) {
    if (found === '(') depth += 1;
    else if (found === ')') depth -= 1;
    else if (found === ' WHERE ' && depth === 0) return index;
  }
  return update.length;
}

/** Whether a statement may be one that `builtWrite` looks for: most are not, and each query is asked. */
export function mayWrite(sql: string): boolean {
  const first = sql[0];
  return first === 'U' || first === 'I' || first === 'D' || first === '/' || first === 'W';
}

/**
 * Throws RefusedError WRITE_BYPASSES_LIFECYCLE for a write that no hook has prepared.
 *
 * @param prepared Whether the query runner is inserting, removing or hiding entities that were prepared.
 */
export function judgeWrite(
  binding: ResourceBinding,
  write: BuiltWrite,
  prepared: {
    readonly inserting: boolean;
    readonly removing: boolean;
    readonly softRemoval: boolean;
  },
): void {
  if (write === 'upsert') {
    throw bypassRefused(
      binding,
      'An upsert',
      'Read the entity, then save it, or send() and save it.',
    );
  }
  if (write === 'update') {
    throw bypassRefused(
      binding,
      'An update of lifecycle columns without listeners',
      'Use transition(), or send() and save().',
    );
  }
  if (write === 'hide' && !prepared.softRemoval) {
    throw softRemovalRefused(binding);
  }
  if (write === 'insert' && !prepared.inserting) {
    throw bypassRefused(binding, 'An insert without listeners', 'Use manager.save(entity).');
  }
  if (write === 'delete' && !prepared.removing) {
    throw bypassRefused(binding, 'A delete without listeners', 'Use manager.remove(entity).');
  }
}

/** The refusal of a statement that hides or shows rows that TypeORM does not tell. */
export function softRemovalRefused(binding: ResourceBinding): RefusedError {
  return bypassRefused(
    binding,
    'A soft removal or recovery in bulk, or without listeners,',
    'Read the entities, with withDeleted for a recovery, and pass them to manager.softRemove() or manager.recover().',
  );
}
