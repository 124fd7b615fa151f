import { ConfigurationError } from '../../core/errors/errors.js';
import type { AnyLifecycle, EventOf, StateOf } from '../../core/lifecycle/lifecycle.js';
import { stateParts, type StateParts } from '../../core/lifecycle/state-parts.js';
import { unprojectedContext } from '../../core/planning/guard-context.js';

/**
 * A resource to simulate: a lifecycle by itself, or what the real SDK takes, an entity class with a
 * static `lifecycle` or what `mapResource` returned. Of a lifecycle by itself guards read the
 * resource's own values.
 */
export type SimulatedResource = AnyLifecycle | { readonly lifecycle: AnyLifecycle };

/** The lifecycle of a simulated resource. */
export type SimulatedLifecycle<R extends SimulatedResource> = R extends {
  readonly lifecycle: infer L extends AnyLifecycle;
}
  ? L
  : R extends AnyLifecycle
    ? R
    : never;

/** A resource of a lifecycle by itself: what every entity has, and your own values. */
export interface SimulatedEntity<L extends AnyLifecycle = AnyLifecycle> {
  /** Type only: lets `send(entity, event)` know which events there are. Never set at run time. */
  readonly '~event'?: EventOf<L>;
  readonly uuid: string;
  readonly state: StateOf<L>;
  readonly revision: number;
  readonly stateSince: Date;
  readonly lifecycleVersion: number;
  /** The state that the lifecycle's history states return to; absent where it has none. */
  readonly remembered?: string | null;
  readonly account?: string | null;
  readonly domain?: string | null;
  readonly project?: string | null;
  [property: string]: unknown;
}

/** The entity of a simulated resource. */
export type SimulatedEntityOf<R extends SimulatedResource> = R extends abstract new () => infer E
  ? E & object
  : R extends { readonly entity: abstract new () => infer E }
    ? E & object
    : SimulatedEntity<SimulatedLifecycle<R>>;

/** The properties that a lifecycle keeps on an entity, by what they are for. */
export const roles = [
  'uuid',
  'state',
  'revision',
  'stateSince',
  'lifecycleVersion',
  'remembered',
  'account',
  'domain',
  'project',
] as const;

/** Role of an entity's property. */
export type Role = (typeof roles)[number];

/** A simulated resource as the simulation uses it. */
export interface Simulated {
  readonly resource: string;
  readonly lifecycle: AnyLifecycle;
  /** Entities are made of it; plain objects where there is none. */
  readonly entity: (new () => object) | undefined;
  /** Property names where they differ from the roles. */
  readonly columns: Readonly<Partial<Record<Exclude<Role, 'state'>, string>>> & {
    readonly state?: string | Readonly<Record<string, string>>;
  };
  /** Context that guards read. */
  readonly context: (entity: object) => unknown;
}

/** Reads a resource as it was given. */
export function simulated(given: SimulatedResource): Simulated {
  if (!('lifecycle' in given)) {
    return {
      resource: given.resource,
      lifecycle: given,
      entity: undefined,
      columns: {},
      context: (entity) => entity,
    };
  }
  const ref = given as {
    readonly lifecycle: AnyLifecycle;
    readonly entity?: new () => object;
    readonly columns?: Simulated['columns'];
    readonly resourceColumns?: Simulated['columns'];
    context?(entity: object): unknown;
  };
  const { lifecycle } = ref;
  const entity = typeof given === 'function' ? (given as unknown as new () => object) : ref.entity;
  const unprojected =
    ref.context === undefined
      ? unprojectedContext(lifecycle, entity?.name ?? lifecycle.resource)
      : {};
  return {
    resource: lifecycle.resource,
    lifecycle,
    entity,
    columns: ref.resourceColumns ?? ref.columns ?? {},
    context: (row) => ref.context?.(row) ?? unprojected,
  };
}

/** Reads the property of an entity that has this role. */
export function readRole({ columns, lifecycle }: Simulated, entity: object, role: Role): unknown {
  const values = entity as Record<string, unknown>;
  const property = columns[role] ?? role;
  if (typeof property === 'string') return values[property];
  const parts = partsOf(lifecycle);
  const found = parts?.regions.map((region) => values[property[region] ?? region]) ?? [];
  return parts === undefined || found.every((value) => value === undefined)
    ? undefined
    : parts.join(found.map(String));
}

/** Writes the property of an entity that has this role. */
export function writeRole(
  { columns, lifecycle }: Simulated,
  entity: object,
  role: Role,
  value: unknown,
): void {
  const values = entity as Record<string, unknown>;
  const property = columns[role] ?? role;
  if (typeof property === 'string') {
    values[property] = value;
    return;
  }
  const parts = partsOf(lifecycle);
  const states = parts?.split(String(value)) ?? [];
  parts?.regions.forEach((region, index) => {
    values[property[region] ?? region] = states[index];
  });
}

function partsOf({ table }: AnyLifecycle): StateParts | undefined {
  return stateParts([...table.armed.keys()]);
}

/** The error for a resource that was not given to `simulate`. */
export function notSimulated(name: string): ConfigurationError {
  return new ConfigurationError(
    'RESOURCE_NOT_REGISTERED',
    `${name} is not simulated. List it in simulate(…).`,
    { parameters: { resource: name } },
  );
}
