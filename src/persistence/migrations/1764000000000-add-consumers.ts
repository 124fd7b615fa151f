import type { QueryRunner } from 'typeorm';
import { mysqlConsumerSchema } from '../mysql/schema.js';
import { postgresConsumerSchema } from '../postgres/schema.js';
import { sqliteConsumerSchema } from '../sqlite/schema.js';
import type { TablePlacement } from '../tables/table-names.js';
import { PlacedMigration, type Statements } from './placed-migration.js';

const up: Statements = {
  postgres: postgresConsumerSchema,
  mysql: mysqlConsumerSchema,
  sqlite: sqliteConsumerSchema,
};

const dropTables = [
  'DROP TABLE signalbox_horizon',
  'DROP TABLE signalbox_seen',
  'DROP TABLE signalbox_inbox',
];
const dropIndex = 'DROP INDEX signalbox_journal_time';

const down: Statements = {
  postgres: [dropIndex, ...dropTables],
  mysql: [`${dropIndex} ON signalbox_journal`, ...dropTables],
  sqlite: [dropIndex, ...dropTables],
};

/** Adds what consumers keep (the inbox), how far the journal was purged, and its index by time. */
export class AddConsumers1764000000000 extends PlacedMigration {
  constructor(placement: TablePlacement = {}) {
    super('AddConsumers1764000000000', placement);
  }

  async up(queryRunner: QueryRunner): Promise<void> {
    await this.run(queryRunner, up);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await this.run(queryRunner, down);
  }
}
