import { Brackets, type DataSource } from 'typeorm';
import type { ResourceBinding } from '../../persistence/resource/binding.js';
import { databaseError } from '../../persistence/commit/database-errors.js';
import { onMaster } from '../../persistence/commit/on-master.js';
import type { WatchedResource } from './watch-event.js';
import { tenancies, tenancyOf, type WatchSelection } from './watch-view.js';

/** Rows read at once. */
const page = 1000;

interface Row {
  readonly uuid: string;
  readonly state: string;
  readonly revision: number | string;
  readonly account?: string | null;
  readonly domain?: string | null;
  readonly project?: string | null;
}

/**
 * Reads the rows of a resource page by page, each as it is when its page is read: those of the wanted
 * tenancy, in every state. Throws the typed errors of the database.
 */
export async function* readResources(
  dataSource: DataSource,
  { entity, columns }: ResourceBinding,
  selection: WatchSelection,
): AsyncGenerator<WatchedResource> {
  const of = (property: string): string => `r.${property}`;
  let after: string | undefined;
  for (;;) {
    let rows: Row[];
    try {
      rows = await onMaster(dataSource, (manager) => {
        const query = manager
          .createQueryBuilder(entity, 'r')
          .select(of(columns.uuid.property), 'uuid')
          .addSelect(of(columns.state.property), 'state')
          .addSelect(of(columns.revision.property), 'revision')
          .orderBy(of(columns.uuid.property))
          .limit(page);
        if (after !== undefined) query.where(`${of(columns.uuid.property)} > :after`, { after });
        for (const name of tenancies) {
          const column = columns[name];
          if (column !== undefined) query.addSelect(of(column.property), name);
          const wanted = selection[name];
          if (wanted === undefined) continue;
          // A resource without the column belongs to nobody, and nobody can ask for it.
          query.andWhere(
            new Brackets((where) =>
              column === undefined
                ? where.where('1 = 0')
                : where.where(`${of(column.property)} IN (:...${name})`, {
                    [name]: typeof wanted === 'string' ? [wanted] : wanted,
                  }),
            ),
          );
        }
        return query.getRawMany<Row>();
      });
    } catch (error) {
      throw databaseError(error);
    }
    for (const row of rows) {
      yield {
        uuid: row.uuid.toLowerCase(),
        state: row.state,
        revision: Number(row.revision),
        ...tenancyOf(row),
      };
    }
    if (rows.length < page) return;
    after = rows.at(-1)?.uuid;
  }
}
