import type { ResourceBinding } from '../resource/binding.js';

const hints = new WeakMap<ResourceBinding, string>();

/**
 * The hint that makes the server find rows of a resource by their uuids. It reads the whole table, and locks
 * all of it, where it takes that for the cheaper way: when it knows of a few rows, or of none. Asked once
 * for each binding; empty where no index begins with the uuid.
 */
export async function keyHint(
  binding: ResourceBinding,
  connection: { query(sql: string, parameters?: unknown[]): Promise<unknown> },
): Promise<string> {
  let hint = hints.get(binding);
  if (hint === undefined) {
    const { metadata, columns } = binding;
    const [index] = (await connection.query(
      `SELECT index_name AS name FROM information_schema.statistics
        WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? AND column_name = ?
          AND seq_in_index = 1
        ORDER BY non_unique, index_name <> 'PRIMARY' LIMIT 1`,
      [metadata.database ?? null, metadata.tableName, columns.uuid.metadata.databaseName],
    )) as readonly { readonly name: string }[];
    hint =
      index === undefined ? '' : `FORCE INDEX (${metadata.dataSource.driver.escape(index.name)})`;
    hints.set(binding, hint);
  }
  return hint;
}

/** Whether a statement was refused because an index that it names is not there. Pure. */
export function isMissingKey(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    if ((each as { readonly code?: unknown }).code === 'ER_KEY_DOES_NOT_EXITS') return true;
  }
  return false;
}

/** Has the next statement ask again: an index that was named is gone. */
export function forgetKeyHint(binding: ResourceBinding): void {
  hints.delete(binding);
}
