import type { DataSource, EntitySubscriberInterface } from 'typeorm';

const kept = new WeakMap<DataSource, Set<EntitySubscriberInterface>>();

/**
 * Adds a subscriber to a DataSource for good, and returns what takes it off again. TypeORM makes its
 * list of subscribers anew in `initialize()`: after `destroy()` and `initialize()` the subscriber would
 * be called no more, and nothing would be guarded.
 */
export function keepSubscribed(
  dataSource: DataSource,
  subscriber: EntitySubscriberInterface,
): () => void {
  const added = kept.get(dataSource) ?? keepList(dataSource);
  added.add(subscriber);
  dataSource.subscribers.push(subscriber);
  return () => {
    added.delete(subscriber);
    const index = dataSource.subscribers.indexOf(subscriber);
    if (index >= 0) {
      dataSource.subscribers.splice(index, 1);
    }
  };
}

function keepList(dataSource: DataSource): Set<EntitySubscriberInterface> {
  const added = new Set<EntitySubscriberInterface>();
  kept.set(dataSource, added);
  let { subscribers } = dataSource;
  Object.defineProperty(dataSource, 'subscribers', {
    get: () => subscribers,
    set: (list: EntitySubscriberInterface[]) => {
      subscribers = [...list, ...[...added].filter((each) => !list.includes(each))];
    },
    configurable: true,
    enumerable: true,
  });
  return added;
}
