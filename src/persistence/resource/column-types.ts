import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import type { DatabaseKind } from '../database-kind.js';

const fixedTypes: ReadonlySet<string> = new Set([
  'char',
  'character',
  'bpchar',
  'nchar',
  'national char',
  'native character',
]);
const textTypes: ReadonlySet<string> = new Set([
  ...fixedTypes,
  'varchar',
  'character varying',
  'varying character',
  'nvarchar',
  'national varchar',
  'tinytext',
  'text',
  'mediumtext',
  'longtext',
  'clob',
]);
const wideIntegers: ReadonlySet<string> = new Set(['int', 'integer', 'int4', 'bigint', 'int8']);
const bigIntegers: ReadonlySet<string> = new Set(['bigint', 'int8', 'unsigned big int']);
const timeTypes: ReadonlySet<string> = new Set([
  'datetime',
  'timestamp',
  'timestamptz',
  'timestamp with time zone',
  'timestamp without time zone',
]);
/** The largest value of integer types that are narrower than 32 bits, but for SQLite, whose are all wide. */
const narrowIntegers: Readonly<Record<string, readonly [signed: number, unsigned: number]>> = {
  tinyint: [127, 255],
  smallint: [32_767, 65_535],
  int2: [32_767, 65_535],
  mediumint: [8_388_607, 16_777_215],
};

/** Properties of a column as far as its metadata has them. */
export interface ColumnFacts {
  /** As the driver names it. */
  readonly type: string;
  readonly family: 'text' | 'enum' | 'uuid' | 'integer' | 'time' | 'other';
  /** Text padded with spaces to its length. */
  readonly fixed: boolean;
  /** The most characters; undefined where nothing bounds them. */
  readonly length: number | undefined;
  /** The largest whole number. */
  readonly most: number;
  /** Integers of 64 bits. */
  readonly big: boolean;
}

/** Reads what a column can hold. Pure. */
export function columnFacts(column: ColumnMetadata, kind: DatabaseKind): ColumnFacts {
  const { driver } = column.entityMetadata.dataSource;
  const type = driver.normalizeType(column);
  const fixed = fixedTypes.has(type);
  const narrow = kind === 'sqlite' ? undefined : narrowIntegers[type];
  const integer =
    wideIntegers.has(type) || bigIntegers.has(type) || Object.hasOwn(narrowIntegers, type);
  const isEnum = column.type === 'enum' || column.type === 'simple-enum';
  const big = bigIntegers.has(type) || (kind === 'sqlite' && integer);
  return {
    type,
    family: isEnum
      ? 'enum'
      : column.type === 'simple-json' || column.type === 'simple-array'
        ? 'other'
        : textTypes.has(type)
          ? 'text'
          : type === 'uuid'
            ? 'uuid'
            : integer
              ? 'integer'
              : timeTypes.has(type)
                ? 'time'
                : 'other',
    fixed,
    length: lengthOf(column, type, fixed, kind),
    most:
      narrow?.[column.unsigned === true ? 1 : 0] ?? (big ? Number.MAX_SAFE_INTEGER : 2 ** 31 - 1),
    big,
  };
}

function lengthOf(
  { length }: ColumnMetadata,
  type: string,
  fixed: boolean,
  kind: DatabaseKind,
): number | undefined {
  if (type === 'tinytext') return 255;
  if (length !== '') return Number(length);
  if (fixed) return 1;
  return kind === 'mysql' && type === 'varchar' ? 255 : undefined;
}
