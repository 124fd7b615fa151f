import type { DataSource, EntityMetadata } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import { ConfigurationError, type Refusal } from '../../core/errors/errors.js';
import type { AnyLifecycle } from '../../core/lifecycle/lifecycle.js';
import { stateParts, type StateParts } from '../../core/lifecycle/state-parts.js';
import { databaseKind } from '../database-kind.js';
import { columnFaults } from './check-columns.js';
import {
  type MappedColumn,
  type MappingCode,
  type MappingFault,
  mappingFault,
} from './mapping-fault.js';
import { columnFacts } from './column-types.js';
import { type TimeForm, timeFormOf } from './time-form.js';
import { type ContextNeeds, type ResolvedNeeds, resolveNeeds } from './context-needs.js';
import { unprojectedContext } from '../../core/planning/guard-context.js';
import type {
  EntityClass,
  ResourceColumns,
  ResourceDefinition,
  ResourceMapping,
} from './resource.js';

/** One column of a bound resource. */
export interface BoundColumn {
  readonly property: string;
  /** Quoted for the database. */
  readonly sql: string;
  /** The database type, such as `uuid` or `varchar`. */
  readonly type: string;
  readonly metadata: ColumnMetadata;
  /** How the property holds a point in time; undefined where it cannot. */
  readonly time: TimeForm | undefined;
}

/** The role a column plays in a lifecycle. */
export type ColumnRole = keyof ResourceColumns;

const requiredRoles = ['uuid', 'revision'] as const;
const optionalRoles = [
  'stateSince',
  'lifecycleVersion',
  'remembered',
  'account',
  'domain',
  'project',
] as const;

/** The columns that hold the state. */
export interface StateColumns {
  /** One, or one for each region in the order of the machine. */
  readonly columns: readonly [BoundColumn, ...BoundColumn[]];
  /** Undefined where one column holds the whole state. */
  readonly parts: StateParts | undefined;
}

/** A lifecycle joined to a table: everything a store needs to move its rows. */
export interface ResourceBinding {
  readonly lifecycle: AnyLifecycle;
  /** `lifecycle.resource`. */
  readonly resource: string;
  readonly entity: EntityClass;
  readonly metadata: EntityMetadata;
  /** The table path, quoted for the database. */
  readonly table: string;
  readonly columns: Readonly<Record<(typeof requiredRoles)[number], BoundColumn>> &
    Readonly<Partial<Record<(typeof optionalRoles)[number], BoundColumn>>>;
  readonly state: StateColumns;
  /** Projects what guards read. */
  readonly context: ((entity: object) => unknown) | undefined;
  /** Relations and columns that the projection reads besides those that TypeORM loads itself. */
  readonly needs: ResolvedNeeds;
  /** Context given to guards where there is no projection or no row. */
  readonly unprojected: object;
  /** Whether a save of TypeORM follows, which moves `@VersionColumn` and `@UpdateDateColumn` itself. */
  readonly leavesAutomatic: boolean;
  /** The same binding for writes that a save of TypeORM follows. */
  readonly beforeSave: ResourceBinding;
}

/**
 * Joins a resource definition to its TypeORM metadata. Throws ConfigurationError RESOURCE_MAPPING_INVALID
 * that lists every precondition which the metadata breaks.
 */
export function bindResource(
  dataSource: DataSource,
  definition: ResourceDefinition,
): ResourceBinding {
  const { entity, lifecycle, columns: names, context, contextNeeds } = readDefinition(definition);
  const fault = (code: MappingCode, says: string): MappingFault => mappingFault(entity, code, says);
  if (!dataSource.hasMetadata(entity)) {
    throw mappingInvalid([
      fault('MAPPING_NOT_A_TABLE', 'is not an entity of the DataSource: add it to its entities'),
    ]);
  }
  const metadata = dataSource.getMetadata(entity);
  const faults = [...tableFaults(metadata, fault)];
  const parts =
    typeof names.state === 'object' ? stateParts([...lifecycle.table.armed.keys()]) : undefined;
  const states = stateProperties(names.state, parts, fault, faults).flatMap(
    ({ property, values }): readonly MappedColumn[] => {
      const found = mappedColumn(metadata, 'state', property, fault);
      if (found === undefined) return [];
      if ('code' in found) {
        faults.push(found);
        return [];
      }
      const column = { ...found, ...(values === undefined ? {} : { values }) };
      faults.push(
        ...nameFaults(found.column.databaseName, fault),
        ...columnFaults({ entity, lifecycle }, column, databaseKind(dataSource)),
      );
      return [column];
    },
  );
  const mapped = [...requiredRoles, ...optionalRoles].flatMap((role): readonly MappedColumn[] => {
    if (role === 'remembered' && lifecycle.table.histories.size === 0) return [];
    const name: string | undefined = role === 'remembered' ? (names[role] ?? role) : names[role];
    const found = mappedColumn(metadata, role, name, fault);
    if (found === undefined) return [];
    if ('code' in found) {
      faults.push(found);
      return [];
    }
    faults.push(...nameFaults(found.column.databaseName, fault));
    const broken = columnFaults({ entity, lifecycle }, found, databaseKind(dataSource));
    // What only happens to have the name of a tenancy, and cannot be one, is none.
    if (names[role] === undefined && isTenancy(role) && broken.some(isUnfit)) return [];
    faults.push(...broken);
    return [found];
  });
  const { needs, faults: needless } = resolveNeeds(metadata, contextNeeds);
  faults.push(...needless.map((says) => fault('MAPPING_CONTEXT_NEEDS', says)));
  const unprojected = contextOrFault(lifecycle, entity, context);
  if ('fault' in unprojected) faults.push(unprojected.fault);
  if (faults.length > 0 || 'fault' in unprojected) {
    throw mappingInvalid(faults);
  }
  const kind = databaseKind(dataSource);
  const bound = ({ property, column }: MappedColumn): BoundColumn => ({
    property,
    sql: dataSource.driver.escape(column.databaseName),
    type: dataSource.driver.normalizeType(column),
    metadata: column,
    time: timeFormOf(column, columnFacts(column, kind)),
  });
  const columns = Object.fromEntries(
    mapped.map((each) => [each.role, bound(each)]),
  ) as unknown as ResourceBinding['columns'];
  const state = Object.freeze({
    columns: states.map(bound) as unknown as StateColumns['columns'],
    parts,
  });
  const binding = {
    lifecycle,
    resource: lifecycle.resource,
    entity,
    metadata,
    table: metadata.tablePath
      .split('.')
      .map((part) => dataSource.driver.escape(part))
      .join('.'),
    columns: Object.freeze(columns),
    state,
    context,
    needs,
    unprojected: unprojected.context,
  };
  const beforeSave: ResourceBinding = Object.freeze({
    ...binding,
    leavesAutomatic: true,
    get beforeSave() {
      return beforeSave;
    },
  });
  return Object.freeze({ ...binding, leavesAutomatic: false, beforeSave });
}

/** The error for mappings with faults: all of them at once. */
export function mappingInvalid(faults: readonly Refusal[]): ConfigurationError {
  const [first] = faults;
  const message =
    faults.length === 1 && first !== undefined
      ? first.message
      : `The resources have ${faults.length} faults:${faults
          .map(({ code, message: says }) => `\n  - ${code}: ${says}`)
          .join('')}`;
  return new ConfigurationError('RESOURCE_MAPPING_INVALID', message, {
    parameters: { ...first?.parameters, faults: faults.length },
    faults,
  });
}

type Faulty = (code: MappingCode, says: string) => MappingFault;

function tableFaults(metadata: EntityMetadata, fault: Faulty): readonly MappingFault[] {
  const kinds: MappingFault[] = [];
  if (metadata.tableType === 'entity-child') {
    // A row is found by its uuid alone: one of a sibling class would be moved by this lifecycle.
    kinds.push(
      fault(
        'MAPPING_NOT_A_TABLE',
        `shares the table of ${metadata.parentEntityMetadata.name} with its other classes: register that one`,
      ),
    );
  }
  if (metadata.tableType === 'view') {
    kinds.push(
      fault('MAPPING_NOT_A_TABLE', 'is a view, which nothing is written to: map its table'),
    );
  }
  return [...kinds, ...nameFaults(metadata.tablePath, fault)];
}

/** TypeORM puts names between quotes and leaves quotes inside them alone: such a name would be SQL. */
function nameFaults(name: string, fault: Faulty): readonly MappingFault[] {
  return /["`\0]/.test(name)
    ? [
        fault(
          'MAPPING_NAME_QUOTED',
          `has the name ${JSON.stringify(name)} in the database: names hold no quotes`,
        ),
      ]
    : [];
}

/** The properties that hold the state, with the states of its region for each that holds one of them. */
function stateProperties(
  names: ResourceColumns['state'],
  parts: StateParts | undefined,
  fault: Faulty,
  faults: MappingFault[],
): readonly { readonly property: string; readonly values?: readonly string[] }[] {
  if (typeof names !== 'object') return [{ property: names ?? 'state' }];
  if (parts === undefined) {
    faults.push(
      fault(
        'MAPPING_REGIONS',
        'maps the state to several columns, and its machine is not parallel: map one column',
      ),
    );
    return [];
  }
  const unknown = Object.keys(names).filter((region) => !parts.regions.includes(region));
  const missing = parts.regions.filter((region) => names[region] === undefined);
  if (unknown.length + missing.length > 0) {
    faults.push(
      fault(
        'MAPPING_REGIONS',
        `must map each region of its machine to a column: ${parts.regions.join(', ')}` +
          (missing.length === 0 ? '' : `. No column has ${missing.join(', ')}`) +
          (unknown.length === 0 ? '' : `. There is no region ${unknown.join(', ')}`),
      ),
    );
    return [];
  }
  const properties = parts.regions.map((region) => names[region] as string);
  if (new Set(properties).size < properties.length) {
    faults.push(
      fault('MAPPING_REGIONS', 'maps two regions to one column: give each a column of its own'),
    );
  }
  return properties.map((property, index) => ({ property, values: parts.values[index] ?? [] }));
}

/** The column of a role; undefined where an optional one is not there. */
function mappedColumn(
  metadata: EntityMetadata,
  role: ColumnRole,
  name: string | undefined,
  fault: Faulty,
): MappedColumn | MappingFault | undefined {
  const property = name ?? role;
  const column = metadata.findColumnWithPropertyPathStrict(property);
  const needed = name !== undefined || isRequired(role);
  if (column === undefined) {
    if (!needed) return undefined;
    const embedded = metadata.findColumnWithPropertyName(property);
    return embedded?.embeddedMetadata === undefined
      ? fault('MAPPING_COLUMN_MISSING', `has no column property '${property}' for '${role}'`)
      : fault(
          'MAPPING_COLUMN_EMBEDDED',
          `has '${property}' for '${role}' in the embedded '${embedded.embeddedMetadata.propertyPath}': map a column of the class itself`,
        );
  }
  if (column.embeddedMetadata !== undefined) {
    return fault(
      'MAPPING_COLUMN_EMBEDDED',
      `has '${property}' for '${role}' in an embedded object: map a column of the class itself`,
    );
  }
  if (!isDeclaredBy(metadata, column)) {
    return needed
      ? fault(
          'MAPPING_COLUMN_MISSING',
          `has '${property}' for '${role}' in a child class only: declare it in the class itself`,
        )
      : undefined;
  }
  return { role, property, column };
}

/** The parent of a table inheritance has the columns of its children too. */
function isDeclaredBy({ target }: EntityMetadata, { target: declaring }: ColumnMetadata): boolean {
  return (
    typeof target !== 'function' ||
    typeof declaring !== 'function' ||
    target === declaring ||
    target.prototype instanceof declaring
  );
}

function contextOrFault(
  lifecycle: AnyLifecycle,
  entity: EntityClass,
  context: unknown,
): { readonly context: object } | { readonly fault: MappingFault } {
  if (context !== undefined) return { context: {} };
  try {
    return { context: unprojectedContext(lifecycle, entity.name) };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const { message, parameters } = error;
    return { fault: { code: 'MAPPING_CONTEXT_MISSING', message, parameters } };
  }
}

function isTenancy(role: ColumnRole): boolean {
  return role === 'account' || role === 'domain' || role === 'project';
}

function isUnfit({ code }: MappingFault): boolean {
  return code === 'MAPPING_COLUMN_TYPE';
}

function readDefinition(definition: ResourceDefinition): {
  entity: EntityClass;
  lifecycle: AnyLifecycle;
  columns: ResourceColumns;
  context: ((entity: object) => unknown) | undefined;
  contextNeeds: ContextNeeds;
} {
  if (isMapping(definition)) {
    const { entity, lifecycle, columns, context, contextNeeds = {} } = definition;
    return { entity, lifecycle, columns, context, contextNeeds };
  }
  const { lifecycle, resourceColumns = {}, contextNeeds = {} } = definition;
  if (lifecycle === undefined) {
    throw mappingInvalid([
      mappingFault(
        definition,
        'MAPPING_LIFECYCLE_MISSING',
        "has no static 'lifecycle'; add one, or use mapResource()",
      ),
    ]);
  }
  const context = definition.context?.bind(definition);
  return { entity: definition, lifecycle, columns: resourceColumns, context, contextNeeds };
}

function isMapping(definition: ResourceDefinition): definition is ResourceMapping {
  return typeof definition !== 'function';
}

function isRequired(role: ColumnRole): boolean {
  return (requiredRoles as readonly string[]).includes(role);
}
