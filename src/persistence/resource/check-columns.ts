import type { EntityMetadata } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import type { AnyLifecycle } from '../../core/lifecycle/lifecycle.js';
import type { DatabaseKind } from '../database-kind.js';
import { timeFormOf } from './time-form.js';
import { type ColumnFacts, columnFacts } from './column-types.js';
import { writtenFaults } from './check-written.js';
import {
  type MappedColumn,
  type MappingCode,
  type MappingFault,
  mappingFault,
  type Role,
} from './mapping-fault.js';
import type { EntityClass } from './resource.js';

const sampleUuid = '01a231e5-d344-750b-9afa-b5d504cafcf4';
/** Every precondition that a mapped column breaks, as far as its metadata tells. */
export function columnFaults(
  { entity, lifecycle }: { readonly entity: EntityClass; readonly lifecycle: AnyLifecycle },
  mapped: MappedColumn,
  kind: DatabaseKind,
): readonly MappingFault[] {
  const { role, property, column } = mapped;
  const fault = (code: MappingCode, says: string): MappingFault =>
    mappingFault(entity, code, says, property);
  const facts = columnFacts(column, kind);
  return [
    ...writtenFaults(mapped, fault),
    ...(column.isArray || column.isVirtual
      ? [
          fault(
            'MAPPING_COLUMN_TYPE',
            `has ${column.isArray ? 'an array' : 'a relation'} in '${property}': map a plain column to '${role}'`,
          ),
        ]
      : rules[role](fault, facts, mapped, lifecycle)),
  ];
}

type Rule = (
  fault: (code: MappingCode, says: string) => MappingFault,
  facts: ColumnFacts,
  mapped: MappedColumn,
  lifecycle: AnyLifecycle,
) => readonly MappingFault[];

const tenancy: Rule = (fault, { family, type }, { property, role }) =>
  family === 'other' || family === 'time'
    ? [fault('MAPPING_COLUMN_TYPE', `has '${property}' of type ${type}: '${role}' must be text`)]
    : [];

const rules: Readonly<Record<Role, Rule>> = {
  uuid(fault, { family, type, fixed, length }, { property, column }) {
    if (family !== 'uuid' && family !== 'text') {
      return [
        fault(
          'MAPPING_COLUMN_TYPE',
          `has '${property}' of type ${type}: a uuid must be of type uuid or text`,
        ),
      ];
    }
    return [
      ...(length !== undefined && (length < 36 || (fixed && length > 36))
        ? [
            fault(
              'MAPPING_COLUMN_LENGTH',
              `has '${property}' of length ${length}: a uuid has 36 characters`,
            ),
          ]
        : []),
      ...(identifies(column)
        ? []
        : [
            fault(
              'MAPPING_UUID_NOT_UNIQUE',
              `has '${property}' neither as its whole primary key nor unique: one event would move several rows. Declare it unique: true`,
            ),
          ]),
      ...(keeps(column, sampleUuid, sampleUuid)
        ? []
        : [
            fault(
              'MAPPING_COLUMN_TRANSFORMER',
              `has '${property}' with a transformer that changes uuids. Remove it: uuids are compared as text`,
            ),
          ]),
    ];
  },

  state(fault, facts, { property, column, values }, { table }) {
    if (values !== undefined) return regionFaults(fault, facts, property, column, values);
    const { family, type, fixed, length } = facts;
    const states = [...table.armed.keys()];
    if (family !== 'text' && family !== 'enum') {
      return [
        fault(
          'MAPPING_COLUMN_TYPE',
          `has '${property}' of type ${type}: a state must be text or an enum`,
        ),
      ];
    }
    const stored = states.map((state) => storedText(column, state));
    if (stored.some((text, index) => text === undefined || !keeps(column, states[index], text))) {
      return [
        fault(
          'MAPPING_COLUMN_TRANSFORMER',
          `has '${property}' with a transformer that does not give each state back as it was`,
        ),
      ];
    }
    const { dataSource } = column.entityMetadata;
    if (fixed && dataSource.options.type === 'postgres') {
      return [
        fault(
          'MAPPING_COLUMN_TYPE',
          `has '${property}' of type ${type}, which PostgreSQL pads with spaces: states would not be recognised. Make it varchar`,
        ),
      ];
    }
    const longest = stored.reduce<string>(
      (one, other = '') => (other.length > one.length ? other : one),
      '',
    );
    const missing = stored.filter((text) => column.enum?.includes(text as string) === false);
    return [
      ...(length !== undefined && lengthOf(longest) > length
        ? [
            fault(
              'MAPPING_COLUMN_LENGTH',
              `has '${property}' of length ${length}: the state ${longest} has ${lengthOf(longest)} characters. Widen the column`,
            ),
          ]
        : []),
      ...(family === 'enum' && missing.length > 0
        ? [
            fault(
              'MAPPING_ENUM_INCOMPLETE',
              `has '${property}' as an enum without ${missing.join(', ')}. Add every state of the lifecycle to it`,
            ),
          ]
        : []),
    ];
  },

  revision(fault, { family, type, most }, { property, column }) {
    if (family !== 'integer' || most < 2 ** 31 - 1) {
      return [
        fault(
          'MAPPING_COLUMN_TYPE',
          `has '${property}' of type ${type}: a revision must be an integer of at least 32 bits`,
        ),
      ];
    }
    return numberFaults(fault, property, column);
  },

  lifecycleVersion(fault, { family, type, most }, { property, column }, { version }) {
    if (family !== 'integer' || most < version) {
      return [
        fault(
          'MAPPING_COLUMN_TYPE',
          `has '${property}' of type ${type}: a lifecycle version must be an integer that ${version} fits`,
        ),
      ];
    }
    return numberFaults(fault, property, column);
  },

  stateSince: (fault, facts, { property, column }) =>
    timeFormOf(column, facts) === undefined
      ? [
          fault(
            'MAPPING_COLUMN_TYPE',
            `has '${property}' of type ${facts.type}, which does not give a time with milliseconds back: use text of 24 characters, a timestamp, or a bigint`,
          ),
        ]
      : [],

  remembered(fault, { family, type, length }, { property, column }, { table }) {
    const longest = longestMemory(table.histories);
    return [
      ...(family === 'text'
        ? []
        : [
            fault(
              'MAPPING_COLUMN_TYPE',
              `has '${property}' of type ${type}: what history states return to is text`,
            ),
          ]),
      ...(column.isNullable
        ? []
        : [
            fault(
              'MAPPING_COLUMN_NULLABLE',
              `has '${property}' not nullable, but a resource remembers nothing at first. Declare it nullable`,
            ),
          ]),
      ...(length !== undefined && lengthOf(longest) > length
        ? [
            fault(
              'MAPPING_COLUMN_LENGTH',
              `has '${property}' of length ${length}: it must hold ${longest}, which has ${lengthOf(longest)} characters. Widen the column`,
            ),
          ]
        : []),
      ...(keeps(column, longest, longest)
        ? []
        : [
            fault(
              'MAPPING_COLUMN_TRANSFORMER',
              `has '${property}' with a transformer that changes what is remembered. Remove it`,
            ),
          ]),
    ];
  },

  account: tenancy,
  domain: tenancy,
  project: tenancy,
};

/** A region's column may also hold numbers and NULL, where a transformer says for which states. */
function regionFaults(
  fault: (code: MappingCode, says: string) => MappingFault,
  { family, type, fixed, length }: ColumnFacts,
  property: string,
  column: ColumnMetadata,
  values: readonly string[],
): readonly MappingFault[] {
  if (family !== 'text' && family !== 'enum' && family !== 'integer') {
    return [
      fault(
        'MAPPING_COLUMN_TYPE',
        `has '${property}' of type ${type}: the state of a region must be text, an enum or an integer`,
      ),
    ];
  }
  if (fixed && column.entityMetadata.dataSource.options.type === 'postgres') {
    return [
      fault(
        'MAPPING_COLUMN_TYPE',
        `has '${property}' of type ${type}, which PostgreSQL pads with spaces: states would not be recognised. Make it varchar`,
      ),
    ];
  }
  const stored = values.map((value) => storedValue(column, value));
  const kept = stored.every((each, index) => {
    const fits =
      each === null
        ? column.isNullable
        : family === 'integer'
          ? Number.isInteger(each)
          : typeof each === 'string' && each !== '';
    return fits && keeps(column, values[index], each);
  });
  if (!kept || new Set(stored).size < stored.length) {
    return [
      fault(
        'MAPPING_COLUMN_TRANSFORMER',
        `has '${property}', which does not hold each of ${values.join(', ')} and give it back as it was: a number, or NULL for one of them, needs a transformer`,
      ),
    ];
  }
  const texts = stored.filter((each) => typeof each === 'string');
  const longest = texts.reduce((one, other) => (other.length > one.length ? other : one), '');
  const missing = texts.filter((text) => column.enum?.includes(text) === false);
  return [
    ...(length !== undefined && lengthOf(longest) > length
      ? [
          fault(
            'MAPPING_COLUMN_LENGTH',
            `has '${property}' of length ${length}: the state ${longest} has ${lengthOf(longest)} characters. Widen the column`,
          ),
        ]
      : []),
    ...(family === 'enum' && missing.length > 0
      ? [
          fault(
            'MAPPING_ENUM_INCOMPLETE',
            `has '${property}' as an enum without ${missing.join(', ')}. Add every state of the region to it`,
          ),
        ]
      : []),
  ];
}

function storedValue(column: ColumnMetadata, value: string): unknown {
  try {
    const stored: unknown = column.entityMetadata.dataSource.driver.preparePersistentValue(
      value,
      column,
    );
    return stored ?? null;
  } catch {
    return undefined;
  }
}

/** The longest text that a resource may come to remember. */
function longestMemory(histories: ReadonlyMap<string, readonly string[]>): string {
  const longest = [...histories].map(([place, states]): [string, string] => [
    place,
    states.reduce((one, other) => (lengthOf(other) > lengthOf(one) ? other : one), ''),
  ]);
  const [only] = longest;
  return longest.length === 1 && only !== undefined
    ? only[1]
    : JSON.stringify(Object.fromEntries(longest));
}

function numberFaults(
  fault: (code: MappingCode, says: string) => MappingFault,
  property: string,
  column: ColumnMetadata,
): readonly MappingFault[] {
  return keeps(column, 5, 5) && keeps(column, 5, '5')
    ? []
    : [
        fault(
          'MAPPING_COLUMN_TRANSFORMER',
          `has '${property}' with a transformer that changes numbers. Remove it`,
        ),
      ];
}

/** Whether the column alone tells rows apart. */
function identifies(column: ColumnMetadata): boolean {
  const { primaryColumns, uniques, indices }: EntityMetadata = column.entityMetadata;
  const alone = (columns: readonly ColumnMetadata[]): boolean =>
    columns.length === 1 && columns[0]?.databaseName === column.databaseName;
  return (
    alone(primaryColumns) ||
    uniques.some(({ columns }) => alone(columns)) ||
    indices.some(
      ({ isUnique, where, columns }) => isUnique && (where ?? '') === '' && alone(columns),
    )
  );
}

/** Whether a value is written as `stored` and read from it as it was. */
function keeps(column: ColumnMetadata, value: unknown, stored: unknown): boolean {
  const { driver } = column.entityMetadata.dataSource;
  try {
    const written: unknown = driver.preparePersistentValue(value, column);
    const read: unknown = driver.prepareHydratedValue(stored, column);
    return String(written) === String(stored) && String(read) === String(value);
  } catch {
    return false;
  }
}

function storedText(column: ColumnMetadata, state: string): string | undefined {
  try {
    const { driver } = column.entityMetadata.dataSource;
    const stored: unknown = driver.preparePersistentValue(state, column);
    return typeof stored === 'string' ? stored : undefined;
  } catch {
    return undefined;
  }
}

/** As databases count: characters and not halves of them. */
function lengthOf(text: string): number {
  return Array.from(text).length;
}
