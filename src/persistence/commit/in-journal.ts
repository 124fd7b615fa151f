import type { EntityManager } from 'typeorm';
import { tablesOf } from '../tables/placed-tables.js';

/** An event as the journal has it. */
export interface CommittedEvent {
  readonly id: string;
  readonly payload: string;
}

/** Those of the events that the journal has. */
export function inJournal(
  manager: EntityManager,
  ids: readonly string[],
): Promise<readonly CommittedEvent[]> {
  return manager
    .createQueryBuilder()
    .select('j.id', 'id')
    .addSelect('j.payload', 'payload')
    .from(tablesOf(manager.dataSource).path('journal'), 'j')
    .where('j.id IN (:...ids)', { ids })
    .getRawMany<CommittedEvent>();
}

/** Whether events that go together were committed, in the words of `commit`. */
export async function findAppended(
  manager: EntityManager,
  events: readonly { readonly id: string }[],
): Promise<{ readonly result: undefined } | undefined> {
  const found = await inJournal(
    manager,
    events.slice(0, 1).map(({ id }) => id),
  );
  return found.length > 0 ? { result: undefined } : undefined;
}
