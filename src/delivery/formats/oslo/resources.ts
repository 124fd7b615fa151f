/** OpenStack's names of the resource types that both systems have. */
const objects: ReadonlyMap<string, string> = new Map([
  ['VirtualMachine', 'instance'],
  ['Volume', 'volume'],
  ['Snapshot', 'snapshot'],
  ['Network', 'network'],
]);

const resources: ReadonlyMap<string, string> = new Map(
  [...objects].map(([resource, object]) => [object, resource]),
);

/** Names of your own: resource type by what OpenStack's events call it, such as `{ stack: 'Stack' }`. */
export type ResourceNames = Readonly<Record<string, string>>;

/** Pure. `instance` for `VirtualMachine`; `load_balancer` for a type that OpenStack does not know. */
export function objectOf(resource: string, names: ResourceNames = {}): string {
  const own = Object.entries(names).find(([, each]) => each === resource)?.[0];
  return own ?? objects.get(resource) ?? snakeCase(resource);
}

/** Pure. `VirtualMachine` for `instance`; the name itself for one that is not known. */
export function resourceOf(object: string, names: ResourceNames = {}): string {
  return (
    (Object.hasOwn(names, object) ? names[object] : undefined) ?? resources.get(object) ?? object
  );
}

/** Pure. `start_requested` for `StartRequested`. */
export function snakeCase(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toLowerCase();
}
