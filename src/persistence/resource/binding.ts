import type { DataSource, EntityMetadata } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import { ConfigurationError } from '../../core/errors/errors.js';
import type { AnyLifecycle } from '../../core/lifecycle/lifecycle.js';
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
}

/** The role a column plays in a lifecycle. */
export type ColumnRole = keyof ResourceColumns;

const requiredRoles = ['uuid', 'state', 'revision'] as const;
const optionalRoles = ['stateSince', 'lifecycleVersion', 'account', 'domain', 'project'] as const;

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
  /** Projects what guards read. */
  readonly context: ((entity: object) => unknown) | undefined;
  /** What the projection reads besides what TypeORM loads by itself. */
  readonly needs: ResolvedNeeds;
  /** What guards are given instead where there is no projection, or no row. */
  readonly unprojected: object;
}

/**
 * Joins a resource definition to its TypeORM metadata. Throws ConfigurationError
 * RESOURCE_MAPPING_INVALID naming the class and the missing column, or the context that its guards miss,
 * or where the class has only a part of its table's rows.
 */
export function bindResource(
  dataSource: DataSource,
  definition: ResourceDefinition,
): ResourceBinding {
  const { entity, lifecycle, columns: names, context, contextNeeds } = readDefinition(definition);
  if (!dataSource.hasMetadata(entity)) {
    throw invalid(entity, 'is not an entity of the DataSource: add it to its entities');
  }
  const metadata = dataSource.getMetadata(entity);
  if (metadata.tableType === 'entity-child') {
    // A row is found by its uuid alone: one of a sibling class would be moved by this lifecycle.
    throw invalid(
      entity,
      `shares the table of ${metadata.parentEntityMetadata.name} with its other classes: register that one`,
    );
  }
  const column = (role: ColumnRole): BoundColumn | undefined => {
    const property = names[role] ?? role;
    const found = metadata.findColumnWithPropertyName(property);
    if (found === undefined) {
      if (names[role] !== undefined || isRequired(role)) {
        throw invalid(entity, `has no column property '${property}' for '${role}'`);
      }
      return undefined;
    }
    refuseQuotes(entity, found.databaseName);
    return {
      property,
      sql: dataSource.driver.escape(found.databaseName),
      type: dataSource.driver.normalizeType(found),
      metadata: found,
    };
  };
  refuseQuotes(entity, metadata.tablePath);
  const { needs, faults } = resolveNeeds(metadata, contextNeeds);
  if (faults[0] !== undefined) {
    throw invalid(entity, faults[0]);
  }
  const columns = Object.fromEntries(
    [...requiredRoles, ...optionalRoles].flatMap((role) => {
      const bound = column(role);
      return bound === undefined ? [] : [[role, bound]];
    }),
  ) as ResourceBinding['columns'];
  return Object.freeze({
    lifecycle,
    resource: lifecycle.resource,
    entity,
    metadata,
    table: metadata.tablePath
      .split('.')
      .map((part) => dataSource.driver.escape(part))
      .join('.'),
    columns: Object.freeze(columns),
    context,
    needs,
    unprojected: context === undefined ? unprojectedContext(lifecycle, entity.name) : {},
  });
}

/** TypeORM puts names between quotes and leaves quotes inside them alone: such a name would be SQL. */
function refuseQuotes(entity: EntityClass, name: string): void {
  if (!/["`\0]/.test(name)) return;
  throw invalid(
    entity,
    `has the name ${JSON.stringify(name)} in the database: names hold no quotes`,
  );
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
    throw invalid(definition, "has no static 'lifecycle'; add one, or use mapResource()");
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

function invalid(entity: EntityClass, fault: string): ConfigurationError {
  return new ConfigurationError(
    'RESOURCE_MAPPING_INVALID',
    `Resource class ${entity.name} ${fault}.`,
    { parameters: { entity: entity.name } },
  );
}
