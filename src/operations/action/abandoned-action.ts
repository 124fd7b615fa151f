import type { DataSource } from 'typeorm';
import type { ActionEvent } from '../../core/events/event.js';
import type { DueDeadline } from '../../core/stores/deadline-store.js';
import type { EventWriter } from '../../persistence/event-writer.js';
import { ownTransaction } from '../../persistence/commit/own-transaction.js';
import type { OpenStore } from '../../persistence/open-store.js';
import { tablesOf } from '../../persistence/tables/placed-tables.js';

/** The error in the Failed event of an action whose process is gone. */
export const abandoned = {
  name: 'Abandoned',
  code: 'ACTION_ABANDONED',
  message:
    'The process that ran the action gave no sign for a minute. Whether it was done is not known.',
} as const;

/**
 * Ends an action whose process is gone: announces Failed with the error `Abandoned`, linked to Started, in
 * the commit that removes its record. Resolves with whether something was announced: not when somebody else
 * ended it meanwhile, or its Started event was purged.
 */
export async function endAbandoned(
  {
    dataSource,
    store,
    eventWriter,
  }: {
    readonly dataSource: DataSource;
    readonly store: Pick<OpenStore, 'deadlines'>;
    readonly eventWriter: EventWriter;
  },
  due: DueDeadline,
): Promise<boolean> {
  const ids = await ownTransaction<readonly string[]>(
    dataSource,
    async (manager) => {
      if (!(await store.deadlines.removeWithin(manager, due))) return [];
      const row = await manager
        .createQueryBuilder()
        .select('j.payload', 'payload')
        .from(tablesOf(manager.dataSource).path('journal'), 'j')
        .where('j.id = :id', { id: due.uuid })
        .getRawOne<{ payload: string }>();
      if (row === undefined) return [];
      const started = JSON.parse(row.payload) as ActionEvent;
      const entry = eventWriter.compose(failed(started));
      await eventWriter.appendWithin(manager, entry);
      return [entry.id];
    },
    { events: (written) => written },
  );
  return ids.length > 0;
}

function failed(started: ActionEvent): Parameters<EventWriter['compose']>[0] {
  const { id, type, subject, time, data, actor, correlationid } = started;
  const [resource, uuid] = (subject ?? '').split('/');
  const { account = null, domain = null, project = null } = started;
  return {
    category: 'ActionEvent',
    type,
    data: {
      status: 'Failed',
      ...(data.description === undefined ? {} : { description: data.description }),
      duration: Math.max(0, Date.now() - Date.parse(time)),
      startid: id,
      error: abandoned,
      ...(data.details === undefined ? {} : { details: data.details }),
    } satisfies ActionEvent['data'],
    ...(resource === undefined || uuid === undefined ? {} : { subject: { resource, uuid } }),
    tenancy: { account, domain, project },
    context: {
      ...(actor === undefined ? {} : { actor }),
      correlationId: correlationid ?? id,
      causationId: id,
    },
  };
}
