import type { DataSource } from 'typeorm';
import { ConfigurationError } from '../../core/errors/errors.js';
import { withTypedErrors } from '../commit/database-errors.js';
import { stateValues } from '../guard/state-columns.js';
import type { ResourceBinding } from '../resource/binding.js';

interface RealColumn {
  readonly kind: string;
  /** As `SHOW COLUMNS` writes it, such as `enum('a','b')`. */
  readonly type: string;
  /** Characters; null for other types. */
  readonly length: number | string | null;
}

/**
 * Resolves when the real columns of every state hold each state of their lifecycle. Rejects with
 * ConfigurationError MAPPING_ENUM_INCOMPLETE or MAPPING_COLUMN_LENGTH naming the first that does not:
 * without a strict `sql_mode` the server would store '' or a part of the name while the event has all of it.
 */
export async function verifyStates(
  dataSource: DataSource,
  bindings: readonly ResourceBinding[],
): Promise<void> {
  const columns = bindings.flatMap((binding) =>
    binding.state.columns.map(({ metadata }, index) => ({
      binding,
      index,
      place: [
        binding.metadata.database ?? null,
        binding.metadata.tableName,
        metadata.databaseName,
      ] as const,
    })),
  );
  if (columns.length === 0) return;
  const found = await withTypedErrors(() =>
    dataSource.query<(RealColumn & { readonly table: string; readonly name: string })[]>(
      `SELECT TABLE_NAME AS \`table\`, COLUMN_NAME AS name, DATA_TYPE AS kind, COLUMN_TYPE AS type,
          CHARACTER_MAXIMUM_LENGTH AS length
        FROM information_schema.COLUMNS
        WHERE ${columns
          .map(
            () => '(TABLE_SCHEMA = coalesce(?, DATABASE()) AND TABLE_NAME = ? AND COLUMN_NAME = ?)',
          )
          .join(' OR ')}`,
      columns.flatMap(({ place }) => [...place]),
    ),
  );
  for (const { binding, index, place } of columns) {
    const [, table, name] = place;
    const real = found.find((each) => each.table === table && each.name === name);
    if (real === undefined) continue;
    const { resource, lifecycle } = binding;
    const states = [...lifecycle.table.armed.keys()];
    const stored = new Set(states.map((state) => String(stateValues(binding, state)[index])));
    const lost = [...stored].filter((text) => !holds(real, text));
    if (lost.length === 0) continue;
    const message = `The column ${table}.${name} of ${resource} is ${real.type}, and cannot hold ${lost.join(', ')}. Alter the table, so that it holds every state of the lifecycle.`;
    const parameters = { resource, table, column: name };
    throw real.kind === 'enum'
      ? new ConfigurationError('MAPPING_ENUM_INCOMPLETE', message, { parameters })
      : new ConfigurationError('MAPPING_COLUMN_LENGTH', message, { parameters });
  }
}

function holds({ kind, type, length }: RealColumn, text: string): boolean {
  // As the server compares members: by the collation, which ignores case mostly.
  if (kind === 'enum') {
    const member = `'${text.replaceAll("'", "''")}'`.toLowerCase();
    return type.toLowerCase().includes(member);
  }
  return length === null || Array.from(text).length <= Number(length);
}
