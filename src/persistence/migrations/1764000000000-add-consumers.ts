import type { MigrationInterface, QueryRunner } from 'typeorm';
import { databaseKind } from '../database-kind.js';
import { mysqlConsumerSchema } from '../mysql/schema.js';
import { postgresConsumerSchema } from '../postgres/schema.js';
import { sqliteConsumerSchema } from '../sqlite/schema.js';

const schemas = {
  postgres: postgresConsumerSchema,
  mysql: mysqlConsumerSchema,
  sqlite: sqliteConsumerSchema,
};

/** Adds what consumers keep (the inbox), how far the journal was purged, and its index by time. */
export class AddConsumers1764000000000 implements MigrationInterface {
  // Minifiers rename classes, and TypeORM records migrations by name.
  readonly name = 'AddConsumers1764000000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of schemas[databaseKind(queryRunner.dataSource)]) {
      await queryRunner.query(statement);
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    const onTable = databaseKind(queryRunner.dataSource) === 'mysql' ? ' ON signalbox_journal' : '';
    await queryRunner.query(`DROP INDEX signalbox_journal_time${onTable}`);
    for (const table of ['signalbox_horizon', 'signalbox_seen', 'signalbox_inbox']) {
      await queryRunner.query(`DROP TABLE ${table}`);
    }
  }
}
