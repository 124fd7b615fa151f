import type { MigrationInterface, QueryRunner } from 'typeorm';
import { Table } from 'typeorm';
import { demoResources } from './entities.js';

/** Creates the tables of the demo's own resources, as an application's migration would. */
export class CreateDemoTables1700000000001 implements MigrationInterface {
  readonly name = 'CreateDemoTables1700000000001';

  async up(queryRunner: QueryRunner): Promise<void> {
    const { dataSource } = queryRunner;
    for (const entity of demoResources) {
      await queryRunner.createTable(
        Table.create(dataSource.getMetadata(entity), dataSource.driver),
      );
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const entity of demoResources) {
      await queryRunner.dropTable(queryRunner.dataSource.getMetadata(entity).tablePath);
    }
  }
}
