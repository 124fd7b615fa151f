import { types } from 'node:util';
import type { Connection } from 'mysql2';
import type { DataSource } from 'typeorm';
import { ConfigurationError } from '../../core/errors/errors.js';

/** The driver of TypeORM, as far as it is used here. */
interface MysqlDriver {
  readonly mysql: { readonly format: Format };
  obtainMasterConnection: () => Promise<Connection>;
  obtainSlaveConnection: () => Promise<Connection>;
  readonly pool?: Pool;
  readonly poolCluster?: { readonly _nodes: Readonly<Record<string, { readonly pool: Pool }>> };
}

/** A pool of mysql2, as far as it tells which connections it has. */
interface Pool {
  readonly _allConnections: { readonly length: number; get(index: number): Connection };
}

type Format = (
  sql: string,
  values: unknown,
  stringifyObjects: boolean | undefined,
  timezone: string | undefined,
) => string;

/** The configuration of a connection; the driver reads it for each statement. */
interface ConnectionSettings {
  queryFormat?: ((sql: string, values: unknown, timezone?: string) => string) | undefined;
  readonly stringifyObjects?: boolean;
}

const prepared = new WeakSet<object>();

/**
 * Makes every statement that the DataSource sends hold its values under any `sql_mode`, TypeORM's own
 * statements included. Safe to call twice. Throws ConfigurationError CONFIG_VALUE_INVALID where the
 * DataSource formats statements by a function of its own.
 *
 * mysql2 writes values into the text and escapes by a backslash, which is a plain character under
 * NO_BACKSLASH_ESCAPES: a quote in a value would end its literal. The mode can change with every
 * statement, so that checking it shows nothing; a literal without a backslash is read alike by all.
 */
export function installModeSafeValues(dataSource: DataSource): void {
  const { extra } = dataSource.options as { readonly extra?: { readonly queryFormat?: unknown } };
  if (extra?.queryFormat !== undefined) {
    throw new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      "The DataSource sets 'extra.queryFormat', by which values would be written into the statements of Signalbox. Remove it.",
      { parameters: { key: 'extra.queryFormat' } },
    );
  }
  const driver = dataSource.driver as unknown as MysqlDriver;
  if (prepared.has(driver)) return;
  prepared.add(driver);
  for (const connection of connectionsOf(driver)) writeSafely(connection, driver.mysql.format);
  for (const method of ['obtainMasterConnection', 'obtainSlaveConnection'] as const) {
    const obtain = driver[method].bind(driver);
    driver[method] = async () => {
      const connection = await obtain();
      writeSafely(connection, driver.mysql.format);
      return connection;
    };
  }
}

/** Connections of before: one of them may be inside the caller's transaction. */
function* connectionsOf({ pool, poolCluster }: MysqlDriver): Iterable<Connection> {
  const nodes = Object.values(poolCluster?._nodes ?? {}).map((node) => node.pool);
  for (const { _allConnections: all } of pool === undefined ? nodes : [pool, ...nodes]) {
    for (let index = 0; index < all.length; index += 1) yield all.get(index);
  }
}

function writeSafely(connection: Connection, format: Format): void {
  const settings = connection.config as ConnectionSettings;
  settings.queryFormat ??= (sql, values, timezone) =>
    format(
      sql,
      Array.isArray(values) ? values.map(modeSafe) : modeSafe(values),
      settings.stringifyObjects,
      timezone,
    );
}

/** Characters that the driver writes with a backslash. */
// oxlint-disable-next-line no-control-regex
const escaped = /[\0\b\t\n\r\u001a"'\\]/;

/** A literal as the server reads it, which the driver writes as it is. */
class Literal {
  readonly #sql: string;

  constructor(sql: string) {
    this.#sql = sql;
  }

  toSqlString(): string {
    return this.#sql;
  }
}

/**
 * The value of a parameter, with every text in it that the driver would escape replaced by a literal
 * that has no backslash. Pure.
 */
export function modeSafe(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
      return escaped.test(value) ? literal(value) : value;
    case 'object':
      return value === null ? null : modeSafeObject(value);
    case 'function':
    case 'symbol':
      return modeSafe(String(value));
    default:
      return value;
  }
}

/** A quote is doubled. A backslash has no spelling that every mode reads alike, but as a number. */
function literal(text: string): Literal {
  return new Literal(
    text.includes('\\') || text.includes('\0')
      ? `_utf8mb4 X'${Buffer.from(text, 'utf8').toString('hex')}'`
      : `'${text.replaceAll("'", "''")}'`,
  );
}

function modeSafeObject(value: object): unknown {
  if (Array.isArray(value)) return value.map(modeSafe);
  if (value instanceof Set) return new Set([...value].map(modeSafe));
  // Of no characters that are escaped; or written by its own code.
  if (types.isDate(value) || value instanceof Uint8Array || 'toSqlString' in value) return value;
  const text = textOf(value);
  if (escaped.test(text)) return literal(text);
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [key, modeSafe(each)]));
  const copy: object = Object.create(Object.getPrototypeOf(value) as object | null) as object;
  for (const key of Reflect.ownKeys(value)) {
    Reflect.defineProperty(copy, key, {
      value: modeSafe(Reflect.get(value, key)),
      enumerable: Object.prototype.propertyIsEnumerable.call(value, key),
    });
  }
  return copy;
}

/** As the driver writes an object where it does not spread its columns. */
function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return '';
  }
}
