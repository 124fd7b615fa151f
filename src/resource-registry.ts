import type { DataSource } from 'typeorm';
import { ConfigurationError } from './errors/errors.js';
import type { EventTypes } from './events/event-types.js';
import { routingKey } from './events/routing-key.js';
import { bindResource } from './store/binding.js';
import type { ResourceBinding } from './store/binding.js';
import type { ResourceDefinition, ResourceRef } from './store/resource.js';

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
    this.bindings = definitions.map((definition) => {
      const binding = bindResource(dataSource, definition);
      const { resource, lifecycle } = binding;
      this.#refuseDuplicate(binding);
      refuseUnknownEffects(binding, eventTypes);
      this.#byRef.set(definition, binding);
      this.#byRef.set(binding.entity, binding);
      this.#byResource.set(resource, binding);
      for (const type of [...lifecycle.events, 'DeadlineExceeded']) {
        // Refused here, once, so that no transition has to check it.
        routingKey({
          source,
          category: 'ResourceStateEvent',
          type,
          resource,
          uuid: '00000000-0000-0000-0000-000000000000',
        });
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

function refuseUnknownEffects({ resource, lifecycle }: ResourceBinding, types: EventTypes): void {
  for (const { from, event, effects } of lifecycle.transitions) {
    const unknown = effects.find(({ category, type }) => !types.has(category, type));
    if (unknown !== undefined) {
      throw new ConfigurationError(
        'UNKNOWN_EVENT_TYPE',
        `${resource} announces '${unknown.type}' on ${event} in ${from}, which is no known ${unknown.category} type. Correct the spelling, or register it in createSignalbox({ eventTypes }).`,
        { parameters: { resource, event, category: unknown.category, type: unknown.type } },
      );
    }
  }
}
