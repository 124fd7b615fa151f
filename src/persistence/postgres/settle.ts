import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { OutcomeUnknownError } from '../../core/errors/errors.js';
import type { ConnectionLost } from './connection.js';

/** Milliseconds to wait for the server to come back and tell, before the outcome is called unknown. */
const patience = 5_000;
const betweenTries = 100;

/** A journal row that a broken connection left behind. */
export interface CommittedEvent {
  readonly id: string;
  readonly payload: string;
}

/**
 * Finds out what a statement committed whose connection broke, by the ids of the events it was to
 * write: waits until the server process that ran it is gone, then reads the journal. Rejects with
 * OutcomeUnknownError when the server does not tell in time.
 */
export async function settle(
  dataSource: DataSource,
  lost: ConnectionLost,
  ids: readonly string[],
): Promise<readonly CommittedEvent[]> {
  const end = performance.now() + patience;
  do {
    try {
      const events = await ask(dataSource, lost, ids);
      if (events !== undefined) return events;
    } catch {
      // Still away: ask again.
    }
    await delay(betweenTries);
  } while (performance.now() < end);
  throw new OutcomeUnknownError(
    'OUTCOME_UNKNOWN',
    'The connection to the database broke during the commit, and the server did not tell in time ' +
      'whether it happened. Read the resource before retrying.',
    { cause: lost.cause },
  );
}

/** Undefined while nobody can tell. */
async function ask(
  dataSource: DataSource,
  { serverProcess }: ConnectionLost,
  ids: readonly string[],
): Promise<readonly CommittedEvent[] | undefined> {
  const runner = dataSource.createQueryRunner();
  try {
    const client = (await runner.connect()) as { readonly processID?: number | null };
    const [state] = (await runner.query(
      `SELECT pg_backend_pid() AS own, EXISTS (
        SELECT FROM pg_stat_activity WHERE pid = $1 AND datname = current_database()) AS alive`,
      [serverProcess],
    )) as [{ readonly own: number; readonly alive: boolean }];
    // A pooler tells numbers of its own: the statement may run on, though no process has its number.
    const isNumbered = serverProcess !== null && client.processID === state.own;
    if (isNumbered && state.alive) return undefined;
    const events = (await runner.query(
      'SELECT id, payload FROM signalbox_journal WHERE id = ANY ($1::uuid[])',
      [ids],
    )) as readonly CommittedEvent[];
    return isNumbered || events.length > 0 ? events : undefined;
  } finally {
    await runner.release();
  }
}
