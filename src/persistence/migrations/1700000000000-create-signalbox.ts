import type { QueryRunner } from 'typeorm';
import { mysqlSchema } from '../mysql/schema.js';
import { postgresSchema } from '../postgres/schema.js';
import { sqliteSchema } from '../sqlite/schema.js';
import type { TablePlacement } from '../tables/table-names.js';
import { ensureSchema } from './ensure-schema.js';
import { madeOtherwise } from './made-otherwise.js';
import { PlacedMigration, type Statements } from './placed-migration.js';

const drop = [
  'DROP TABLE signalbox_job',
  'DROP TABLE signalbox_bus',
  'DROP TABLE signalbox_relay',
  'DROP TABLE signalbox_lease',
  'DROP TABLE signalbox_deadline',
  'DROP TABLE signalbox_parked',
  'DROP TABLE signalbox_outbox',
  'DROP TABLE signalbox_journal',
];

const up: Statements = { postgres: postgresSchema, mysql: mysqlSchema, sqlite: sqliteSchema };

const down: Statements = { postgres: drop, mysql: drop, sqlite: drop };

/** Creates the tables of Signalbox. The resources' own tables are the user's to migrate. */
export class CreateSignalbox1700000000000 extends PlacedMigration {
  constructor(placement: TablePlacement = {}) {
    super('CreateSignalbox1700000000000', placement);
  }

  async up(queryRunner: QueryRunner): Promise<void> {
    const names = this.names(queryRunner);
    const { dataSource } = queryRunner;
    if (names.schema !== undefined && dataSource.options.type === 'postgres') {
      await ensureSchema(queryRunner, names.schema);
    }
    try {
      await this.run(queryRunner, up);
    } catch (error) {
      throw madeOtherwise(error, dataSource, names) ?? error;
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await this.run(queryRunner, down);
  }
}
