import { Brackets, type DataSource } from 'typeorm';
import type { BoundColumn, ResourceBinding } from '../../persistence/resource/binding.js';
import { lockedRow } from '../../persistence/guard/column-values.js';
import { incompleteRow } from '../../core/planning/unusable-row.js';
import { databaseValue } from '../../persistence/guard/driver-values.js';
import { databaseError } from '../../persistence/commit/database-errors.js';
import { onMaster } from '../../persistence/commit/on-master.js';
import { rowAlias, rowQuery } from '../../persistence/guard/row-reading.js';
import type { WatchedResource } from './watch-event.js';
import { tenancies, tenancyOf, type WatchSelection } from './watch-view.js';

/** Rows read at once. */
const page = 1000;

/**
 * Reads the rows of a resource page by page, each as it is when its page is read: those of the wanted
 * tenancy, in every state, soft-removed rows too. A row whose state or revision is NULL is passed over with
 * a warning of the process (ROW_INCOMPLETE). Throws the typed errors of the database.
 */
export async function* readResources(
  dataSource: DataSource,
  binding: ResourceBinding,
  selection: WatchSelection,
): AsyncGenerator<WatchedResource> {
  const { columns } = binding;
  const of = (column: BoundColumn): string => `${rowAlias}.${column.sql}`;
  let after: unknown;
  for (;;) {
    let rows: Record<string, unknown>[];
    try {
      rows = await onMaster(dataSource, (manager) => {
        const query = rowQuery(manager, binding).orderBy(of(columns.uuid)).limit(page);
        if (after !== undefined) query.where(`${of(columns.uuid)} > :after`, { after });
        for (const name of tenancies) {
          const column = columns[name];
          const wanted = selection[name];
          if (wanted === undefined) continue;
          const owners = typeof wanted === 'string' ? [wanted] : wanted;
          // A resource without the column belongs to nobody, and nobody can ask for it.
          query.andWhere(
            new Brackets((where) =>
              column === undefined
                ? where.where('1 = 0')
                : where.where(`${of(column)} IN (:...${name})`, {
                    [name]: owners.map((owner) => databaseValue(column, owner)),
                  }),
            ),
          );
        }
        return query.getRawMany<Record<string, unknown>>();
      });
    } catch (error) {
      throw databaseError(error);
    }
    for (const raw of rows) {
      const row = lockedRow(binding, raw);
      const broken = incompleteRow(binding, row);
      if (broken !== undefined) {
        process.emitWarning(broken.message, { code: broken.code });
        continue;
      }
      const { uuid, state, revision, tenancy } = row;
      yield { uuid, state, revision, ...tenancyOf(tenancy ?? {}) };
    }
    if (rows.length < page) return;
    after = rows.at(-1)?.['signalbox_uuid'];
  }
}
