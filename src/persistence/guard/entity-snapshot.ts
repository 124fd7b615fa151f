/**
 * Remembers what an entity and all that hangs on it hold, and returns what puts it back: a transaction
 * that is tried again must find what the first try found.
 *
 * @param remember Remembers what else is known of one object, and returns what puts that back.
 */
export function snapshotEntities(
  entity: object,
  remember: (object: object) => () => void,
): () => void {
  const restores: (() => void)[] = [];
  const seen = new Set<object>();
  const waiting: unknown[] = [entity];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value !== 'object' || value === null || seen.has(value) || isLeaf(value)) continue;
    seen.add(value);
    const descriptors = Object.getOwnPropertyDescriptors(value);
    restores.push(remember(value), () => putBack(value, descriptors));
    for (const descriptor of Object.values(descriptors)) {
      // A getter is of a lazy relation, or of the user's: nothing of it is held here.
      if ('value' in descriptor) waiting.push(descriptor.value);
    }
  }
  return () => {
    for (const restore of restores) restore();
  };
}

/**
 * Whether an object keeps its contents outside of its properties; TypeORM never writes such values in
 * place.
 */
function isLeaf(value: object): boolean {
  return (
    value instanceof Date ||
    value instanceof Promise ||
    value instanceof Map ||
    value instanceof Set ||
    ArrayBuffer.isView(value) ||
    Object.isFrozen(value)
  );
}

function putBack(value: object, descriptors: Readonly<Record<string, PropertyDescriptor>>): void {
  for (const key of Object.keys(Object.getOwnPropertyDescriptors(value))) {
    if (!Object.hasOwn(descriptors, key)) Reflect.deleteProperty(value, key);
  }
  for (const [key, descriptor] of Object.entries(descriptors)) {
    if (!Array.isArray(value) || key !== 'length') Reflect.defineProperty(value, key, descriptor);
  }
  if (Array.isArray(value)) value.length = descriptors['length']?.value as number;
}
