import type { DataSource } from 'typeorm';
import { databaseKind } from '../store/database-kind.js';
import { postgresNotifier, postgresWakeListener } from './postgres-wake.js';
import type { WakeNotifier } from './postgres-wake.js';
import type { WakeListener } from './wake-listener.js';

/** How relays on this database hear of commits elsewhere; undefined where they must look often. */
export function wakeListener(dataSource: DataSource): WakeListener | undefined {
  return databaseKind(dataSource) === 'postgres' ? postgresWakeListener(dataSource) : undefined;
}

/** How relays of other processes are told of commits here; undefined where they look by themselves. */
export function wakeNotifier(dataSource: DataSource): WakeNotifier | undefined {
  return databaseKind(dataSource) === 'postgres' ? postgresNotifier(dataSource) : undefined;
}
