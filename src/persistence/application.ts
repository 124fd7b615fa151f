import type { DataSource } from 'typeorm';
import { ConfigurationError, RefusedError } from '../core/errors/errors.js';
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

/**
 * The application of this name; without one the only one there is. Rejects with RefusedError
 * UNKNOWN_APPLICATION for one that is not there, or where none of several is named, and with typed errors of
 * the database.
 */
export async function chooseApplication(
  dataSource: DataSource,
  name: string | undefined,
): Promise<Application> {
  const known = await listApplications(dataSource);
  const [only, ...others] = known;
  if (name === undefined && others.length === 0) return only ?? firstApplication;
  const found = known.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = known.map((each) => each.name);
  throw RefusedError.of(
    'UNKNOWN_APPLICATION',
    `${name === undefined ? 'Several applications share this database' : `No application '${name}' has used this database`}. Name one of them as the application (--application): ${names.join(', ') || 'there is none yet'}.`,
    { application: name ?? null, applications: names },
  );
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

/** The id of the application of a space. Pure. */
export function idOfSpace(space: string): number {
  return space === '' ? firstApplication.id : Number(space.slice(0, -1));
}

/** Whether a consumer's name may be taken for one with the space of another application. Pure. */
export function looksSpaced(name: string): boolean {
  return /^[0-9].*#/s.test(name);
}

/** SQL text of `isInSpace`. */
export function inSpaceSql(space: string, column: string): string {
  return space === '' ? `${column} NOT LIKE '%#%'` : `${column} LIKE '${space}%'`;
}

const using = new WeakMap<DataSource, Set<Application>>();

/** Notes that a Signalbox of the application uses the DataSource, until the returned function is called. */
export function noteApplication(dataSource: DataSource, application: Application): () => void {
  const noted = using.get(dataSource) ?? new Set();
  using.set(dataSource, noted);
  // One for each Signalbox.
  const own = { ...application };
  noted.add(own);
  return () => noted.delete(own);
}

/**
 * Returns the application of a consumer without a Signalbox of its own: that of the Signalbox on its
 * DataSource, and the first one where there is none. Throws ConfigurationError CONFIG_VALUE_INVALID where
 * there are several.
 */
export function notedApplication(dataSource: DataSource): Application {
  const [first = firstApplication, ...others] = using.get(dataSource) ?? [];
  if (others.every(({ id }) => id === first.id)) return first;
  throw new ConfigurationError(
    'CONFIG_VALUE_INVALID',
    'Several applications use this DataSource. Pass the name of the one that the consumer belongs to as `application`.',
    { parameters: { key: 'application' } },
  );
}
