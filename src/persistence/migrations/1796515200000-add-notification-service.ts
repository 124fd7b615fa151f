import type { QueryRunner } from 'typeorm';
import { serviceSchema, serviceTables } from '../service-schema.js';
import type { TablePlacement } from '../tables/table-names.js';
import { PlacedMigration, type Statements } from './placed-migration.js';

const up: Statements = {
  postgres: serviceSchema('postgres'),
  mysql: serviceSchema('mysql'),
  sqlite: serviceSchema('sqlite'),
};

const dropped = serviceTables.map((table) => `DROP TABLE ${table}`);

const down: Statements = { postgres: dropped, mysql: dropped, sqlite: dropped };

/** Adds the tables of the notification service. No table of an earlier release changes. */
export class AddNotificationService1796515200000 extends PlacedMigration {
  constructor(placement: TablePlacement = {}) {
    super('AddNotificationService1796515200000', placement);
  }

  async up(queryRunner: QueryRunner): Promise<void> {
    await this.run(queryRunner, up);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await this.run(queryRunner, down);
  }
}
