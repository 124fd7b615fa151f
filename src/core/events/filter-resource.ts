import type { AnyLifecycle } from '../lifecycle/lifecycle.js';

/**
 * A resource type as a filter takes it: an entity class or mapping with a lifecycle, the lifecycle itself,
 * or the name alone, for resources that another program declares.
 */
export type FilterResource = { readonly lifecycle: AnyLifecycle } | AnyLifecycle | string;

/** Pure. The name of a resource type, or undefined for what has none. */
export function filterResourceName(resource: unknown): string | undefined {
  if (typeof resource === 'string') return resource;
  if (resource === null || !['object', 'function'].includes(typeof resource)) return undefined;
  const { lifecycle = resource } = resource as { readonly lifecycle?: unknown };
  const name = (lifecycle as { readonly resource?: unknown } | null)?.resource;
  return typeof name === 'string' ? name : undefined;
}
