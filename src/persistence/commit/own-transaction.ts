import type { DataSource, EntityManager } from 'typeorm';
import { OutcomeUnknownError } from '../../core/errors/errors.js';
import { databaseError } from './database-errors.js';
import { databaseFailure } from './database-failure.js';
import { onMaster } from './on-master.js';

/** Tries of a transaction that the database gives up for another one, the first included. */
const tries = 5;

/**
 * Runs `work` in a transaction of its own, again when the database gives it up for another one (so
 * `work` must be safe to repeat). Rejects with typed errors. When the connection breaks during the
 * commit, the journal is asked for `eventsOf` the result: if they are there it was committed, and else
 * it rejects with OutcomeUnknownError.
 */
export async function ownTransaction<T>(
  dataSource: DataSource,
  work: (manager: EntityManager) => Promise<T>,
  eventsOf: (result: T) => readonly string[],
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    let finished: { readonly result: T } | undefined;
    try {
      return await dataSource.transaction(async (manager) => {
        const result = await work(manager);
        finished = { result };
        return result;
      });
    } catch (error) {
      const failure = databaseFailure(error);
      if (failure === 'connection' && finished !== undefined) {
        return await settled(dataSource, finished.result, eventsOf, error);
      }
      if (failure !== 'contention' || attempt >= tries) {
        throw databaseError(error);
      }
    }
  }
}

async function settled<T>(
  dataSource: DataSource,
  result: T,
  eventsOf: (result: T) => readonly string[],
  cause: unknown,
): Promise<T> {
  const [id] = eventsOf(result);
  if (id === undefined || (await isInJournal(dataSource, id))) {
    return result;
  }
  throw new OutcomeUnknownError(
    'OUTCOME_UNKNOWN',
    'The connection to the database broke during the commit, and the events are not in the journal ' +
      'yet. Read the resource before retrying.',
    { cause },
  );
}

async function isInJournal(dataSource: DataSource, id: string): Promise<boolean> {
  const row = await onMaster(dataSource, (manager) =>
    manager
      .createQueryBuilder()
      .select('j.id', 'id')
      .from('signalbox_journal', 'j')
      .where('j.id = :id', { id })
      .getRawOne<{ id: string }>(),
  )
    // Still away: nothing is known.
    .catch(() => undefined);
  return row !== undefined;
}
