import { ConfigurationError } from '../errors/errors.js';
import type { AnyLifecycle, TableRow } from '../lifecycle/lifecycle.js';

/**
 * Returns the context for guards where an entity projects none: reading from it is refused, so that no
 * guard judges a row that it was not shown. Throws ConfigurationError RESOURCE_MAPPING_INVALID at once
 * where a guard reads it without asking more of an event than its type.
 */
export function unprojectedContext(lifecycle: AnyLifecycle, entity: string): object {
  let refused: ConfigurationError | undefined;
  const refuse = (_: object, property: string | symbol): never => {
    refused = unprojected(lifecycle, entity, String(property));
    throw refused;
  };
  const context = new Proxy(Object.freeze({}), {
    get: refuse,
    has: refuse,
    ownKeys: (target) => refuse(target, 'all'),
  });
  for (const row of guardedRows(lifecycle)) {
    askGuards(row, context);
    // Any other error is no news: the event lacks what the guard looks for.
    if (refused !== undefined) throw refused;
  }
  return context;
}

function guardedRows({ table }: AnyLifecycle): readonly TableRow[] {
  return [...table.rows.values(), ...table.timeouts.values()]
    .flatMap((byEvent) => [...byEvent.values()].flat())
    .filter(({ guards }) => guards.length > 0);
}

function askGuards({ guards, event }: TableRow, context: object): void {
  for (const { test } of guards) {
    try {
      test(context, { type: event });
    } catch {
      continue;
    }
  }
}

function unprojected(
  { resource }: AnyLifecycle,
  entity: string,
  property: string,
): ConfigurationError {
  return new ConfigurationError(
    'RESOURCE_MAPPING_INVALID',
    `Resource class ${entity} projects no context, and a guard of ${resource} reads '${property}' of it. ` +
      'Add `static context` to the class, or `context` to mapResource().',
    { parameters: { entity, resource, property } },
  );
}
