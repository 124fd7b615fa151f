import type { EntityManager } from 'typeorm';
import type { Application } from './application.js';
import type { LifeEntry } from '../core/planning/settle-deadlines.js';
import { tablesOf } from './tables/placed-tables.js';

/** Entries that tell of a stay, at the most: what lies further back is not known. */
const limit = 200;

/** Reads the journal entries of an application's resource and its deadlines, newest first. */
export async function readLife(
  manager: EntityManager,
  resource: string,
  uuid: string,
  { id: application }: Application,
): Promise<readonly LifeEntry[]> {
  const rows = await manager
    .createQueryBuilder()
    .select(['j.category AS category', 'j.revision AS revision', 'j.payload AS payload'])
    .from(tablesOf(manager.dataSource).path('journal'), 'j')
    .where('j.uuid = :uuid AND j.resource = :resource AND j.application = :application', {
      uuid,
      resource,
      application,
    })
    .andWhere('j.category IN (:...categories)', {
      categories: ['ResourceStateEvent', 'AlertEvent'],
    })
    // Computed, so that no plan walks the primary key from its end instead of the rows of the uuid.
    .orderBy('j.position + 0', 'DESC')
    .limit(limit)
    .getRawMany<{
      readonly category: string;
      readonly revision: string | number | null;
      readonly payload: string;
    }>();
  return rows.flatMap(({ category, revision, payload }): readonly LifeEntry[] => {
    const { data } = JSON.parse(payload) as { readonly data: Told };
    const at = Number(revision);
    if (category === 'ResourceStateEvent') {
      const { event = '', old = null, new: next = null, reason } = data;
      return [{ kind: 'change', revision: at, event, old, new: next, reason }];
    }
    const deadline = data.details?.deadline;
    return typeof deadline === 'string' ? [{ kind: 'alert', revision: at, deadline }] : [];
  });
}

/** The `data` of a state event or an alert. */
interface Told {
  readonly event?: string;
  readonly old?: string | null;
  readonly new?: string | null;
  readonly reason?: string;
  readonly details?: { readonly deadline?: unknown };
}
