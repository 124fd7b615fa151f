import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { databaseError } from '../../persistence/commit/database-errors.js';
import { ownTransaction } from '../../persistence/commit/own-transaction.js';
import { databaseKind, type DatabaseKind } from '../../persistence/database-kind.js';
import { installModeSafeValues } from '../../persistence/mysql/mode-safe-values.js';
import { tablesOf } from '../../persistence/tables/placed-tables.js';
import {
  installTransactionGate,
  transactionGate,
} from '../../persistence/sqlite/transaction-gate.js';

/** A value of a parameter. */
export type Value = string | number | null;

/** Later than any time: of what is not due. */
export const never = 9_000_000_000_000_000;

/** SQL that differs between databases, for statements that are written once. */
interface Spelling {
  /** Milliseconds since 1970 by the database's clock. */
  readonly now: string;
  readonly greatest: string;
  readonly forUpdate: string;
  readonly insert: string;
  readonly orIgnore: string;
}

const spellings: Readonly<Record<DatabaseKind, Spelling>> = {
  postgres: {
    now: `CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)`,
    greatest: 'GREATEST',
    forUpdate: ' FOR UPDATE',
    insert: 'INSERT',
    orIgnore: ' ON CONFLICT DO NOTHING',
  },
  mysql: {
    now: `CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)`,
    greatest: 'GREATEST',
    forUpdate: ' FOR UPDATE',
    insert: 'INSERT IGNORE',
    orIgnore: '',
  },
  sqlite: {
    now: `CAST(unixepoch('now', 'subsec') * 1000 AS integer)`,
    greatest: 'max',
    forUpdate: '',
    insert: 'INSERT',
    orIgnore: ' ON CONFLICT DO NOTHING',
  },
};

/** Runs statements with `?` for parameters in one transaction. */
export class Sql {
  readonly #runner: QueryRunner;
  readonly #kind: DatabaseKind;

  constructor(runner: QueryRunner, kind: DatabaseKind) {
    this.#runner = runner;
    this.#kind = kind;
  }

  async rows<T>(text: string, parameters: readonly Value[] = []): Promise<readonly T[]> {
    return (await this.#runner.query(this.#marked(text), [...parameters])) as readonly T[];
  }

  /** Resolves with the number of rows that the statement has written. */
  async run(text: string, parameters: readonly Value[] = []): Promise<number> {
    const { affected } = await this.#runner.query(this.#marked(text), [...parameters], true);
    return affected ?? 0;
  }

  /** Inserts rows, several to a statement, and passes over those whose key is there. */
  async insert(
    table: string,
    columns: readonly string[],
    rows: readonly (readonly Value[])[],
  ): Promise<void> {
    const { insert, orIgnore } = spellings[this.#kind];
    const one = `(${columns.map(() => '?').join(', ')})`;
    for (let from = 0; from < rows.length; from += rowsAtOnce) {
      const some = rows.slice(from, from + rowsAtOnce);
      await this.run(
        `${insert} INTO ${table} (${columns.join(', ')}) VALUES ${some.map(() => one).join(', ')}${orIgnore}`,
        some.flat(),
      );
    }
  }

  #marked(text: string): string {
    const placed = tablesOf(this.#runner.manager.dataSource).resolve(text);
    if (this.#kind !== 'postgres') return placed;
    let count = 0;
    return placed.replaceAll('?', () => `$${(count += 1)}`);
  }
}

/** Rows of one INSERT, and ids of one IN: far below every driver's limit of parameters. */
const rowsAtOnce = 500;

/** The database of the notification service. Every call is a transaction of its own. */
export class ServiceDatabase {
  readonly dataSource: DataSource;
  readonly kind: DatabaseKind;
  readonly now: string;
  readonly greatest: string;
  readonly forUpdate: string;

  constructor(dataSource: DataSource) {
    this.dataSource = dataSource;
    this.kind = databaseKind(dataSource);
    if (this.kind === 'sqlite') installTransactionGate(dataSource);
    if (this.kind === 'mysql') installModeSafeValues(dataSource);
    ({ now: this.now, greatest: this.greatest, forUpdate: this.forUpdate } = spellings[this.kind]);
  }

  /** Rows of one statement, read outside of any transaction. */
  async rows<T>(text: string, parameters: readonly Value[] = []): Promise<readonly T[]> {
    const read = async (): Promise<readonly T[]> => {
      const runner = this.dataSource.createQueryRunner('master');
      try {
        return await new Sql(runner, this.kind).rows<T>(text, parameters);
      } catch (error) {
        throw databaseError(error);
      } finally {
        await runner.release();
      }
    };
    // One connection for all: a read between the statements of a transaction would see its half.
    return transactionGate(this.dataSource)?.run(read) ?? read();
  }

  /** Runs one statement and commits it. */
  run(text: string, parameters: readonly Value[] = []): Promise<number> {
    return this.transaction((sql) => sql.run(text, parameters));
  }

  /** Runs `work` in a transaction, again where the database gives it up for another. */
  transaction<T>(work: (sql: Sql, manager: EntityManager) => Promise<T>): Promise<T> {
    return ownTransaction(
      this.dataSource,
      (manager) => work(new Sql(manager.queryRunner as QueryRunner, this.kind), manager),
      this.kind === 'sqlite' ? {} : { isolation: 'READ COMMITTED' },
    );
  }
}

/** `(?, ?, …)` for a list. */
export function list(values: readonly unknown[]): string {
  return `(${values.map(() => '?').join(', ')})`;
}

/** A list in pieces that one statement takes. */
export function* pieces<T>(values: readonly T[], size = rowsAtOnce): Iterable<readonly T[]> {
  for (let from = 0; from < values.length; from += size) yield values.slice(from, from + size);
}
