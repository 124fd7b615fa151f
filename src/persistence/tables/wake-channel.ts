import { createHash } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { tablesOf } from './placed-tables.js';

/**
 * The PostgreSQL channel by which the relays of these tables are woken. Those of other schemas and prefixes
 * of the same database have another one. An identifier that needs no quotes, of at most 63 bytes.
 */
export function wakeChannel(dataSource: DataSource): string {
  const names = tablesOf(dataSource);
  if (names.isDefault) return 'signalbox_outbox';
  const digest = createHash('sha256').update(names.key).digest('hex').slice(0, 16);
  return `signalbox_outbox_${digest}`;
}
