import type { EntityMetadata, FindOptionsRelations } from 'typeorm';

/**
 * The parts of an entity that its context projection reads and TypeORM does not load by itself. An
 * undeclared one is refused when the projection reads it.
 *
 * @example
 * ```ts
 * class Volume extends ResourceEntity<typeof volume> {
 *   static readonly lifecycle = volume;
 *   static readonly contextNeeds: ContextNeeds<Volume> = { relations: { vm: true }, columns: ['quota'] };
 *   static readonly context = ({ vm, quota }: Volume) => ({ attached: vm !== null, quota });
 * }
 * ```
 */
export interface ContextNeeds<TEntity extends object = object> {
  /** Relations to load, nested as in TypeORM's find options. Lazy relations cannot be read. */
  readonly relations?: object extends TEntity ? object : FindOptionsRelations<TEntity>;
  /** Columns with `select: false` to load, by property; those of a needed relation as `vm.secret`. */
  readonly columns?: readonly (object extends TEntity
    ? string
    : (keyof TEntity & string) | `${keyof TEntity & string}.${string}`)[];
}

/** `ContextNeeds`, resolved against the metadata. */
export interface ResolvedNeeds {
  /** Each a path of relation properties, its prefixes before it. */
  readonly relations: readonly (readonly string[])[];
  readonly columns: readonly {
    /** The path of the relation it belongs to; empty for a column of the entity. */
    readonly relation: readonly string[];
    /** The property path within that entity. */
    readonly property: string;
  }[];
}

/** Resolves the needs of a projection. Pure. Returns what is wrong with them besides. */
export function resolveNeeds(
  metadata: EntityMetadata,
  needs: ContextNeeds,
): { readonly needs: ResolvedNeeds; readonly faults: readonly string[] } {
  const faults: string[] = [];
  const relations = relationPaths(metadata, needs.relations ?? {}, [], '', faults);
  const columns = (needs.columns ?? []).flatMap((path: string) => {
    const found = columnAt(metadata, path.split('.'), []);
    if (found === undefined) {
      faults.push(`has no column '${path}', which contextNeeds.columns names`);
      return [];
    }
    return [found];
  });
  const owners = columns
    .map(({ relation }) => relation)
    .filter((path) => path.length > 0 && !relations.some((each) => samePath(each, path)));
  return { needs: { relations: [...relations, ...owners], columns }, faults };
}

function relationPaths(
  metadata: EntityMetadata,
  wanted: object,
  above: readonly string[],
  prefix: string,
  faults: string[],
): readonly (readonly string[])[] {
  return Object.entries(wanted).flatMap(([property, nested]: [string, unknown]) => {
    if (nested === undefined || nested === false) {
      return [];
    }
    const propertyPath = `${prefix}${property}`;
    const relation = metadata.findRelationWithPropertyPath(propertyPath);
    const deeper = typeof nested === 'object' && nested !== null ? nested : {};
    if (relation === undefined) {
      if (metadata.findEmbeddedWithPropertyPath(propertyPath) !== undefined) {
        return relationPaths(metadata, deeper, above, `${propertyPath}.`, faults);
      }
      faults.push(
        `has no relation '${[...above, propertyPath].join('.')}', which contextNeeds.relations names`,
      );
      return [];
    }
    if (relation.isLazy) {
      faults.push(
        `has the lazy relation '${[...above, propertyPath].join('.')}', whose promise a context cannot ` +
          'await: declare it without lazy, or read a column instead',
      );
      return [];
    }
    const path = [...above, propertyPath];
    return [path, ...relationPaths(relation.inverseEntityMetadata, deeper, path, '', faults)];
  });
}

function columnAt(
  metadata: EntityMetadata,
  path: readonly string[],
  relation: readonly string[],
): ResolvedNeeds['columns'][number] | undefined {
  const property = path.join('.');
  const column = metadata.findColumnWithPropertyPathStrict(property);
  if (column !== undefined) {
    return { relation, property };
  }
  for (let length = 1; length < path.length; length += 1) {
    const owner = path.slice(0, length).join('.');
    const found = metadata.findRelationWithPropertyPath(owner);
    if (found !== undefined && !found.isLazy) {
      return columnAt(found.inverseEntityMetadata, path.slice(length), [...relation, owner]);
    }
  }
  return undefined;
}

function samePath(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((part, index) => part === other[index]);
}
