import { checkOptions, optionsOf } from '../../core/options/check-options.js';
import {
  callback,
  field,
  having,
  options,
  plainObject,
  required,
  text,
} from '../../core/options/fields.js';
import type { AnyLifecycle, ContextOf } from '../../core/lifecycle/lifecycle.js';
import type { ContextNeeds } from './context-needs.js';

export type { ContextNeeds } from './context-needs.js';

/** A class that TypeORM maps to a table. */
export type EntityClass<TEntity extends object = object> = abstract new () => TEntity;

/**
 * Names a resource in calls such as `transition(Volume, …)`: an entity class with a static
 * `lifecycle`, or what `mapResource` returns for a class that cannot be changed.
 */
export interface ResourceRef<L extends AnyLifecycle = AnyLifecycle> {
  /** Decides what is lawful for its rows. */
  readonly lifecycle: L;
}

/** An entity class that names its own lifecycle. */
export type ResourceClass<
  L extends AnyLifecycle = AnyLifecycle,
  TEntity extends object = object,
> = EntityClass<TEntity> &
  ResourceRef<L> & {
    /** Projects what guards read from an entity. Pure; needed only where a guard reads context. */
    context?(entity: TEntity): ContextOf<L>;
    /** Relations and columns that `context` reads besides those that TypeORM loads itself. */
    readonly contextNeeds?: ContextNeeds;
    /** Property names, where they differ from `uuid`, `state`, `revision`, … */
    readonly resourceColumns?: ResourceColumns;
  };

/**
 * Property names of the entity that hold the resource columns. `uuid`, `state` and `revision` are
 * needed; an optional column that the entity does not have is left out of events and writes.
 */
export interface ResourceColumns {
  /** Identifies the row: a primary key or unique, of a uuid or text type. */
  readonly uuid?: string;
  /**
   * Text, wide enough for the longest state. Of a parallel machine instead a property for each region:
   * `{ vm: 'vmState', task: 'taskState' }`, each of which holds the state of its region.
   */
  readonly state?: string | Readonly<Record<string, string>>;
  /** A whole number, not null. */
  readonly revision?: string;
  /** When the state last changed: text or a time type. */
  readonly stateSince?: string;
  /** Version of the lifecycle that made the last transition: a whole number. */
  readonly lifecycleVersion?: string;
  /**
   * The state that the lifecycle's history states return to: text, nullable. Needed where the lifecycle
   * has history states, and left alone where it has none.
   */
  readonly remembered?: string;
  /** Owner of the resource: text, copied into every event. */
  readonly account?: string;
  /** As `account`. */
  readonly domain?: string;
  /** As `account`. */
  readonly project?: string;
}

/** Maps an existing entity class, unchanged, to a lifecycle. */
export interface ResourceMapping<
  L extends AnyLifecycle = AnyLifecycle,
  TEntity extends object = object,
> extends ResourceRef<L> {
  /** The class, unchanged. */
  readonly entity: EntityClass<TEntity>;
  /** Property names where they differ from the defaults. */
  readonly columns: ResourceColumns;
  // A method, so that a mapping of any entity is a ResourceMapping.
  /** Projects what guards read. Pure. */
  context?(this: void, entity: TEntity): ContextOf<L>;
  /** Relations and columns that `context` reads besides those that TypeORM loads itself. */
  readonly contextNeeds?: ContextNeeds;
}

function isStateColumns(value: unknown): boolean {
  const names: readonly unknown[] =
    typeof value === 'object' && value !== null ? Object.values(value) : [value];
  return names.length > 0 && names.every((name) => typeof name === 'string' && name !== '');
}

/** Schema of the options of `mapResource()`. */
export const mapResourceSchema = optionsOf<{
  readonly columns?: unknown;
  readonly context?: unknown;
  readonly contextNeeds?: unknown;
}>('mapResource()', {
  columns: options<ResourceColumns>({
    uuid: text(1),
    state: field('a property, or an object with one for each region', isStateColumns),
    revision: text(1),
    stateSince: text(1),
    lifecycleVersion: text(1),
    remembered: text(1),
    account: text(1),
    domain: text(1),
    project: text(1),
  }),
  context: callback,
  contextNeeds: plainObject,
});

/** Schema of the arguments of `mapResource()` besides its options. */
const mappedSchema = optionsOf<{ readonly entity: unknown; readonly lifecycle: unknown }>(
  'mapResource()',
  {
    entity: required(field('the class of an entity', (value) => typeof value === 'function')),
    lifecycle: required(having('what defineLifecycle() returned', 'resource', 'table')),
  },
);

/**
 * Maps an existing entity class to a lifecycle without touching the class. Pure; columns are checked
 * when Signalbox is created.
 *
 * @param entity The TypeORM entity class.
 * @param options.columns Property names where they differ from the defaults (`uuid`, `state`, …).
 * @param options.context Projects what guards read from an entity.
 * @param options.contextNeeds Relations, and columns with `select: false`, that the projection reads.
 *
 * @example
 * ```ts
 * const server = mapResource(Server, serverLifecycle, { columns: { uuid: 'id', state: 'status' } });
 * await signalbox.transition(server, id, 'BootRequested');
 * ```
 */
export function mapResource<L extends AnyLifecycle, TEntity extends object>(
  entity: EntityClass<TEntity>,
  lifecycle: L,
  settings: {
    readonly columns?: {
      readonly [K in Exclude<keyof ResourceColumns, 'state'>]?: keyof TEntity & string;
    } & {
      readonly state?: (keyof TEntity & string) | Readonly<Record<string, keyof TEntity & string>>;
    };
    readonly context?: (entity: TEntity) => ContextOf<L>;
    readonly contextNeeds?: ContextNeeds<TEntity>;
  } = {},
): ResourceMapping<L, TEntity> {
  checkOptions(mappedSchema, { entity, lifecycle });
  checkOptions(mapResourceSchema, settings);
  return Object.freeze({
    entity,
    lifecycle,
    columns: settings.columns ?? {},
    ...(settings.context === undefined ? {} : { context: settings.context }),
    ...(settings.contextNeeds === undefined
      ? {}
      : { contextNeeds: settings.contextNeeds as unknown as ContextNeeds }),
  });
}

/** Anything that can be listed in `createSignalbox({ resources })`. */
export type ResourceDefinition = ResourceClass | ResourceMapping;

/** The lifecycle of a resource reference. */
export type LifecycleOf<R extends ResourceRef> = R['lifecycle'];

/** The entity type of a resource reference. */
export type EntityOf<R> =
  R extends ResourceMapping<AnyLifecycle, infer TEntity>
    ? TEntity
    : R extends EntityClass<infer TEntity>
      ? TEntity
      : never;
