import type { MigrationInterface, QueryRunner } from 'typeorm';
import { databaseKind } from '../database-kind.js';
import { serviceSchema, serviceTables } from '../service-schema.js';

/** Adds the tables of the notification service. No table of an earlier release changes. */
export class AddNotificationService1796515200000 implements MigrationInterface {
  // Minifiers rename classes, and TypeORM records migrations by name.
  readonly name = 'AddNotificationService1796515200000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of serviceSchema(databaseKind(queryRunner.dataSource))) {
      await queryRunner.query(statement);
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of serviceTables) await queryRunner.query(`DROP TABLE ${table}`);
  }
}
