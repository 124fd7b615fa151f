import type { DataSource } from 'typeorm';
import { ConfigurationError } from '../core/errors/errors.js';
import { partitionCount } from '../core/stores/outbox-store.js';
import { databaseError } from './commit/database-errors.js';
import { databaseKind } from './database-kind.js';
import { ownQueries } from './tables/placed-tables.js';

/** The application whose rows are read and written, among those that share Signalbox's tables. */
export interface Application {
  /** 0 for the first that registered. */
  readonly id: number;
  readonly name: string;
  /**
   * Prefix of the names of its buses and resources in rows: empty for the first application, so that its
   * rows are unchanged; `2#` for the one with the id 2.
   */
  readonly space: string;
}

/** The first application of a database: whose rows those of earlier releases are. */
export const firstApplication: Application = { id: 0, name: '', space: '' };

/** Tries to register while others do. */
const tries = 10;

/**
 * The application of this name, registered if it is new. Rejects with ConfigurationError
 * CONFIG_VALUE_INVALID for a name that is empty or longer than 255 characters, and with typed errors of the
 * database.
 */
export async function registerApplication(
  dataSource: DataSource,
  name: string,
): Promise<Application> {
  if (name === '' || name.length > 255) {
    throw new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      `The name of an application has 1 to 255 characters; this one has ${name.length}. Set \`application\`, or the \`source\` that it follows.`,
      { parameters: { key: 'application', length: name.length } },
    );
  }
  for (let attempt = 1; ; attempt += 1) {
    const known = (await listApplications(dataSource)).find((each) => each.name === name);
    if (known !== undefined) return known;
    try {
      await register(dataSource, name);
    } catch (error) {
      // Another process may have registered one at the same time.
      if (attempt >= tries) throw databaseError(error);
    }
  }
}

/** Every application of the database, the first one first. Rejects with typed errors of the database. */
export async function listApplications(dataSource: DataSource): Promise<readonly Application[]> {
  const runner = dataSource.createQueryRunner('master');
  try {
    const rows = (await ownQueries(runner).query(
      'SELECT id, name FROM signalbox_application ORDER BY id',
    )) as readonly { readonly id: number | string; readonly name: string }[];
    return rows.map(({ id, name }) => application(Number(id), name));
  } catch (error) {
    throw databaseError(error);
  } finally {
    await runner.release();
  }
}

async function register(dataSource: DataSource, name: string): Promise<void> {
  const mark = databaseKind(dataSource) === 'postgres' ? '$1' : '?';
  await dataSource.transaction(async (manager) => {
    const [row] = await ownQueries(manager).query<[{ readonly next: number | string }]>(
      'SELECT COALESCE(MAX(id) + 1, 0) AS next FROM signalbox_application',
    );
    const id = Number(row.next);
    await ownQueries(manager).query(
      `INSERT INTO signalbox_application (id, name) VALUES (${id}, ${mark})`,
      [name],
    );
    if (id > 0) {
      const leases = Array.from({ length: partitionCount }, (_, share) => `(${id}, ${share})`);
      await ownQueries(manager).query(
        `INSERT INTO signalbox_lease (application, share) VALUES ${leases.join(', ')}`,
      );
    }
  });
}

function application(id: number, name: string): Application {
  return { id, name, space: id === 0 ? '' : `${id}#` };
}

/** Whether a name in a row is one of this space. Names of buses and resources hold no `#` of their own. */
export function isInSpace(space: string, name: string): boolean {
  return space === '' ? !name.includes('#') : name.startsWith(space);
}

/** SQL text of the same. */
export function inSpaceSql(space: string, column: string): string {
  return space === '' ? `${column} NOT LIKE '%#%'` : `${column} LIKE '${space}%'`;
}
