import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import type { CodeOf } from '../../core/errors/codes.js';
import type { Refusal } from '../../core/errors/errors.js';
import type { EntityClass, ResourceColumns } from './resource.js';

/** Role of a column. */
export type Role = keyof ResourceColumns;

/** A column that an entity class maps to a role. */
export interface MappedColumn {
  readonly role: Role;
  readonly property: string;
  /** The states of the region that the column holds, where each region has its own. */
  readonly values?: readonly string[];
  readonly column: ColumnMetadata;
}

/** One fault of a mapping: what is wrong with which property, and what to do. */
export interface MappingFault extends Refusal {
  readonly code: CodeOf<'ConfigurationError'>;
}

/** The type of a fault's code: those that tell what is wrong with a mapping. */
export type MappingCode = Extract<CodeOf<'ConfigurationError'>, `MAPPING_${string}`>;

/** Tells a fault of a mapping. Pure. */
export function mappingFault(
  entity: EntityClass,
  code: MappingCode,
  says: string,
  property?: string,
): MappingFault {
  return {
    code,
    message: `Resource class ${entity.name} ${says}.`,
    parameters: { entity: entity.name, ...(property === undefined ? {} : { property }) },
  };
}
