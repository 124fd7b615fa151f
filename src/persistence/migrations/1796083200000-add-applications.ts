import type { QueryRunner } from 'typeorm';
import { mysqlApplicationSchema, mysqlApplicationSchemaDown } from '../mysql/schema.js';
import { postgresApplicationSchema, postgresApplicationSchemaDown } from '../postgres/schema.js';
import { sqliteApplicationSchema, sqliteApplicationSchemaDown } from '../sqlite/schema.js';
import type { TablePlacement } from '../tables/table-names.js';
import { PlacedMigration, type Statements } from './placed-migration.js';

const up: Statements = {
  postgres: postgresApplicationSchema,
  mysql: mysqlApplicationSchema,
  sqlite: sqliteApplicationSchema,
};

const down: Statements = {
  postgres: postgresApplicationSchemaDown,
  mysql: mysqlApplicationSchemaDown,
  sqlite: sqliteApplicationSchemaDown,
};

/**
 * Tells the applications of a database apart, and lets a deadline say which version armed it. Everything
 * that this release adds to the tables of the one before is here. No key of the outbox, the parked rows or
 * the deadlines changes: processes of the release before go on beside, as long as there is one application.
 */
export class AddApplications1796083200000 extends PlacedMigration {
  constructor(placement: TablePlacement = {}) {
    super('AddApplications1796083200000', placement);
  }

  async up(queryRunner: QueryRunner): Promise<void> {
    await this.run(queryRunner, up);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await this.run(queryRunner, down);
  }
}
