import { ConfigurationError } from '../../core/errors/errors.js';
import type { DatabaseKind } from '../database-kind.js';

/** Where the tables of Signalbox itself are; the tables of resources are where their entities say. */
export interface TablePlacement {
  /**
   * The schema of the tables; on MySQL and MariaDB the database. Default the `schema` of the DataSource,
   * else what the connection finds by itself. SQLite has none.
   */
  readonly schema?: string;
  /**
   * The beginning of each table's name, in place of `signalbox_`: 1 to 32 lower-case letters, digits and
   * underscores, not beginning with a digit.
   */
  readonly tablePrefix?: string;
}

/** The prefix of the tables unless another one is set; every statement of Signalbox is written with it. */
export const defaultTablePrefix = 'signalbox_';

const tables = [
  'application',
  'attempt',
  'bus',
  'deadline',
  'delivery',
  'endpoint',
  'event',
  'horizon',
  'hub_subscription',
  'inbox',
  'job',
  'journal',
  'lease',
  'outbox',
  'parked',
  'relay',
  'seen',
  'service',
  'token',
] as const;

/** One of Signalbox's own tables, without its prefix. */
export type OwnTable = (typeof tables)[number];

// An identifier between quotes or behind a dot is somebody else's: our own texts quote and qualify none.
const ownName = new RegExp(
  String.raw`(?<![\w"` +
    '`' +
    String.raw`.$])(DROP INDEX )?signalbox_(${tables.join('|')})(_old|_new|_position_seq|_pkey|_id|_uuid|_time|_resource|_due|_handled|_account|_domain|_received|_key|_version|_owner|_once|_settled|_event|_delivery|_endpoint|_started|_hash)?(?![\w#])`,
  'g',
);

/** Indexes and constraints take the schema of their table, and cannot name one. */
const unqualified: ReadonlySet<string> = new Set([
  '_pkey',
  '_id',
  '_uuid',
  '_time',
  '_resource',
  '_due',
  '_handled',
  '_account',
  '_domain',
  '_received',
  '_key',
  '_version',
  '_owner',
  '_once',
  '_settled',
  '_event',
  '_delivery',
  '_endpoint',
  '_started',
  '_hash',
]);

/** The names of Signalbox's own tables in one placement. Immutable. */
export class TableNames {
  readonly #kind: DatabaseKind;
  readonly schema: string | undefined;
  readonly prefix: string;

  /** Throws ConfigurationError CONFIG_VALUE_INVALID for a schema or a prefix that cannot be used. */
  constructor(kind: DatabaseKind, { schema, tablePrefix = defaultTablePrefix }: TablePlacement) {
    if (schema !== undefined) assertSchema(kind, schema);
    assertPrefix(tablePrefix);
    this.#kind = kind;
    this.schema = schema;
    this.prefix = tablePrefix;
  }

  /** Whether every statement is right as it is written. */
  get isDefault(): boolean {
    return this.schema === undefined && this.prefix === defaultTablePrefix;
  }

  /** Tells two placements apart. */
  get key(): string {
    return `${this.schema === undefined ? '' : `${this.schema}.`}${this.prefix}`;
  }

  /** A statement of Signalbox, with its tables, sequences and indexes named as in this placement. */
  resolve(text: string): string {
    if (this.isDefault) return text;
    return text.replaceAll(
      ownName,
      (_, drop: string | undefined, table: string, suffix: string | undefined) => {
        const name = `${this.prefix}${table}${suffix ?? ''}`;
        // PostgreSQL finds an index to drop by its schema, MySQL by its table.
        const bare =
          suffix !== undefined &&
          unqualified.has(suffix) &&
          !(drop !== undefined && this.#kind === 'postgres');
        return `${drop ?? ''}${bare ? name : this.#qualified(name)}`;
      },
    );
  }

  /** The path of a table as TypeORM's query builders take it, which quote its parts. */
  path(table: OwnTable): string {
    const name = `${this.prefix}${table}`;
    return this.schema === undefined ? name : `${this.schema}.${name}`;
  }

  /** The name of a table, without its schema. */
  nameOf(table: OwnTable | 'migration'): string {
    return `${this.prefix}${table}`;
  }

  #qualified(name: string): string {
    if (this.schema === undefined) return name;
    return this.#kind === 'mysql' ? `\`${this.schema}\`.\`${name}\`` : `"${this.schema}"."${name}"`;
  }
}

/** The names of Signalbox's own tables, without their prefix. */
export const ownTables: readonly OwnTable[] = tables;

function assertSchema(kind: DatabaseKind, schema: string): void {
  if (kind === 'sqlite') {
    throw invalid('schema', 'SQLite has no schemas. Set tablePrefix instead.');
  }
  // Names are written into statements, in quotes, and once within a literal.
  if (!/^[^\p{Cc}."'`\\$]{1,63}$/u.test(schema)) {
    throw invalid(
      'schema',
      'The schema of the tables must have 1 to 63 characters, none of them a dot, a quote, a backslash or a dollar sign.',
    );
  }
}

function assertPrefix(prefix: string): void {
  if (!/^[a-z_][a-z0-9_]{0,31}$/.test(prefix)) {
    throw invalid(
      'tablePrefix',
      'tablePrefix must have 1 to 32 lower-case letters, digits and underscores, and not begin with a digit.',
    );
  }
}

function invalid(key: string, message: string): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', message, { parameters: { key } });
}
