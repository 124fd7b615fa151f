import type { OutboxRef } from '../core/stores/outbox-store.js';

/** Groups outbox rows by the bus they wait for, so that each group is one statement. Pure. */
export function refsByBus(refs: readonly OutboxRef[]): ReadonlyMap<string, readonly number[]> {
  const groups = new Map<string, number[]>();
  for (const { bus, position } of refs) {
    const group = groups.get(bus);
    if (group === undefined) groups.set(bus, [position]);
    else group.push(position);
  }
  return groups;
}
