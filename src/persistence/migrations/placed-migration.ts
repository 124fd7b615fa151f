import type { MigrationInterface, QueryRunner } from 'typeorm';
import { databaseKind, type DatabaseKind } from '../database-kind.js';
import { namesFor } from '../tables/placed-tables.js';
import type { TableNames, TablePlacement } from '../tables/table-names.js';

/** The statements of a migration on each database. */
export type Statements = Readonly<Record<DatabaseKind, readonly string[]>>;

/**
 * A migration of the signalbox tables in one placement. TypeORM records it by its name, which names the
 * placement too where one was given: several placements may share a list of migrations.
 */
export abstract class PlacedMigration implements MigrationInterface {
  readonly name: string;
  readonly #placement: TablePlacement;

  /** @param name Ends in 13 digits. Minifiers rename classes, and TypeORM records migrations by name. */
  constructor(name: string, placement: TablePlacement) {
    this.#placement = placement;
    const { schema, tablePrefix } = placement;
    const place = `${schema === undefined ? '' : `${schema}.`}${tablePrefix ?? ''}`;
    this.name = place === '' ? name : `${name.slice(0, -13)}(${place})${name.slice(-13)}`;
  }

  abstract up(queryRunner: QueryRunner): Promise<void>;
  abstract down(queryRunner: QueryRunner): Promise<void>;

  protected names({ dataSource }: QueryRunner): TableNames {
    return namesFor(dataSource, this.#placement);
  }

  protected async run(queryRunner: QueryRunner, statements: Statements): Promise<void> {
    const names = this.names(queryRunner);
    for (const statement of statements[databaseKind(queryRunner.dataSource)]) {
      await queryRunner.query(names.resolve(statement));
    }
  }
}
