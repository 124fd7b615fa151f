import type { DataSource } from 'typeorm';
import { ConfigurationError } from '../core/errors/errors.js';
import type { Refusal } from '../core/errors/errors.js';
import type { Category } from '../core/events/category.js';
import type { EventTypes } from '../core/events/event-types.js';
import { routingKey } from '../core/events/routing-key.js';
import { deadlineExceeded } from '../core/lifecycle/lifecycle.js';
import type { AnyLifecycle } from '../core/lifecycle/lifecycle.js';
import { bindResource, mappingInvalid } from '../persistence/resource/binding.js';
import type { ResourceBinding } from '../persistence/resource/binding.js';
import type { ResourceDefinition, ResourceRef } from '../persistence/resource/resource.js';
import {
  created,
  recovered,
  removed,
  softRemoved,
} from '../core/planning/transition-announcements.js';

/** Every resource of one Signalbox, found by its reference, its entity class or its name. */
export class ResourceRegistry {
  readonly bindings: readonly ResourceBinding[];
  readonly #byRef = new Map<unknown, ResourceBinding>();
  readonly #byResource = new Map<string, ResourceBinding>();

  /** Throws ConfigurationError RESOURCE_MAPPING_INVALID, before anything is written. */
  constructor(
    dataSource: DataSource,
    definitions: readonly ResourceDefinition[],
    { source, eventTypes }: { readonly source: string; readonly eventTypes: EventTypes },
  ) {
    this.bindings = bindAll(dataSource, definitions).map(([definition, binding]) => {
      const { resource, lifecycle } = binding;
      this.#refuseDuplicate(binding);
      this.#byRef.set(definition, binding);
      this.#byRef.set(binding.entity, binding);
      this.#byResource.set(resource, binding);
      // Refused here, once, so that no transition has to check it.
      for (const { category, type } of announced(lifecycle)) {
        refuseUnknownType(binding, category, type, eventTypes);
        routingKey({ source, category, type, resource, uuid: nilUuid });
      }
      return binding;
    });
  }

  /** The binding of a reference. Throws ConfigurationError RESOURCE_NOT_REGISTERED. */
  get(ref: ResourceRef): ResourceBinding {
    const binding = this.#byRef.get(ref);
    if (binding === undefined) {
      const name = typeof ref === 'function' ? (ref as { name: string }).name : 'This mapping';
      throw new ConfigurationError(
        'RESOURCE_NOT_REGISTERED',
        `${name} is not registered. List it in createSignalbox({ resources }).`,
        { parameters: { resource: name } },
      );
    }
    return binding;
  }

  /** The binding of a resource type, or undefined: another application may own it. */
  find(resource: string): ResourceBinding | undefined {
    return this.#byResource.get(resource);
  }

  #refuseDuplicate({ resource, entity, table }: ResourceBinding): void {
    const other = [...this.#byResource.values()].find(
      (binding) => binding.resource === resource || binding.table === table,
    );
    if (other !== undefined) {
      throw new ConfigurationError(
        'RESOURCE_MAPPING_INVALID',
        `${entity.name} and ${other.entity.name} share the resource name or the table. Give each its own.`,
        { parameters: { resource, table } },
      );
    }
  }
}

const nilUuid = '00000000-0000-0000-0000-000000000000';

/** Every category and type of event that a lifecycle may announce. */
function announced({
  events,
  table,
  transitions,
}: AnyLifecycle): readonly { readonly category: Category; readonly type: string }[] {
  const states = [...events, created, removed, softRemoved, recovered, deadlineExceeded];
  return [
    ...states.map((type) => ({ category: 'ResourceStateEvent' as const, type })),
    ...transitions.flatMap(({ effects }) => effects),
    ...[...table.creations.values()].flatMap(({ effects }) => effects),
    ...[...table.deadlines.values()].map(({ alert }) => alert),
  ];
}

function refuseUnknownType(
  { resource }: ResourceBinding,
  category: Category,
  type: string,
  types: EventTypes,
): void {
  if (!types.has(category, type)) {
    throw new ConfigurationError(
      'EFFECT_TYPE_UNKNOWN',
      `${resource} announces the ${category} type '${type}', which is not declared. Declare it in createSignalbox({ eventTypes }): by defineEventTypes, or by cloudStackEventTypes of signalbox/machines.`,
      { parameters: { resource, category, type } },
    );
  }
}

/** Tells the faults of all definitions at once. */
function bindAll(
  dataSource: DataSource,
  definitions: readonly ResourceDefinition[],
): readonly (readonly [ResourceDefinition, ResourceBinding])[] {
  const faults: Refusal[] = [];
  const bound = definitions.flatMap((definition) => {
    try {
      return [[definition, bindResource(dataSource, definition)] as const];
    } catch (error) {
      if (!(error instanceof ConfigurationError) || error.faults.length === 0) throw error;
      faults.push(...error.faults);
      return [];
    }
  });
  if (faults.length > 0) throw mappingInvalid(faults);
  return bound;
}
