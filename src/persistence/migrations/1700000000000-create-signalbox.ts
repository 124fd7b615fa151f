import type { MigrationInterface, QueryRunner } from 'typeorm';
import { databaseKind } from '../database-kind.js';
import { mysqlSchema } from '../mysql/schema.js';
import { postgresSchema } from '../postgres/schema.js';
import { sqliteSchema } from '../sqlite/schema.js';
import { madeOtherwise } from './made-otherwise.js';

const schemas = { postgres: postgresSchema, mysql: mysqlSchema, sqlite: sqliteSchema };

const tables = [
  'signalbox_job',
  'signalbox_bus',
  'signalbox_relay',
  'signalbox_lease',
  'signalbox_deadline',
  'signalbox_parked',
  'signalbox_outbox',
  'signalbox_journal',
];

/** Creates the tables of Signalbox. The resources' own tables are the user's to migrate. */
export class CreateSignalbox1700000000000 implements MigrationInterface {
  // Minifiers rename classes, and TypeORM records migrations by name.
  readonly name = 'CreateSignalbox1700000000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    const { dataSource } = queryRunner;
    try {
      for (const statement of schemas[databaseKind(dataSource)]) {
        await queryRunner.query(statement);
      }
    } catch (error) {
      throw madeOtherwise(error, dataSource) ?? error;
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of tables) {
      await queryRunner.query(`DROP TABLE ${table}`);
    }
  }
}
