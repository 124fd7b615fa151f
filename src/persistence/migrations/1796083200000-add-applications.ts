import type { MigrationInterface, QueryRunner } from 'typeorm';
import { databaseKind } from '../database-kind.js';
import { mysqlApplicationSchema, mysqlApplicationSchemaDown } from '../mysql/schema.js';
import { postgresApplicationSchema, postgresApplicationSchemaDown } from '../postgres/schema.js';
import { sqliteApplicationSchema, sqliteApplicationSchemaDown } from '../sqlite/schema.js';

const up = {
  postgres: postgresApplicationSchema,
  mysql: mysqlApplicationSchema,
  sqlite: sqliteApplicationSchema,
};

const down = {
  postgres: postgresApplicationSchemaDown,
  mysql: mysqlApplicationSchemaDown,
  sqlite: sqliteApplicationSchemaDown,
};

/**
 * Tells the applications of a database apart, and lets a deadline say which version armed it. Everything
 * that this release adds to the tables of the one before is here. No key of the outbox, the parked rows or
 * the deadlines changes: processes of the release before go on beside, as long as there is one application.
 */
export class AddApplications1796083200000 implements MigrationInterface {
  // Minifiers rename classes, and TypeORM records migrations by name.
  readonly name = 'AddApplications1796083200000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of up[databaseKind(queryRunner.dataSource)]) {
      await queryRunner.query(statement);
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const statement of down[databaseKind(queryRunner.dataSource)]) {
      await queryRunner.query(statement);
    }
  }
}
