import type { DataSource } from 'typeorm';
import { databaseKind } from '../../persistence/database-kind.js';
import { postgresNotifier, postgresWakeListener } from './postgres-wake.js';
import type { WakeNotifier } from './postgres-wake.js';
import type { WakeListener } from './wake-listener.js';

/**
 * How relays on this database hear of commits elsewhere; undefined where they must look often.
 *
 * @param known the sender whose commits the relay is told of directly.
 */
export function wakeListener(dataSource: DataSource, known?: string): WakeListener | undefined {
  return databaseKind(dataSource) === 'postgres'
    ? postgresWakeListener(dataSource, known)
    : undefined;
}

/** How relays elsewhere are told of commits of `sender`; undefined where they look by themselves. */
export function wakeNotifier(dataSource: DataSource, sender: string): WakeNotifier | undefined {
  return databaseKind(dataSource) === 'postgres' ? postgresNotifier(dataSource, sender) : undefined;
}
