import type { OutboxRecord, OutboxRef, OutboxStore } from '../core/stores/outbox-store.js';

/**
 * The outbox as one application sees it: the names of its buses without the space that stands before them
 * in the rows.
 */
export function spacedOutbox(outbox: OutboxStore, space: string): OutboxStore {
  if (space === '') return outbox;
  const inside = <T extends OutboxRef>(ref: T): T => ({ ...ref, bus: space + ref.bus });
  const outside = <T extends { readonly bus: string }>(row: T): T => ({
    ...row,
    bus: row.bus.slice(space.length),
  });
  return {
    async read(options) {
      const rows = await outbox.read({ ...options, bus: space + (options.bus ?? '') });
      return rows.map((row): OutboxRecord => outside(row));
    },
    fanOut: (options) =>
      outbox.fanOut({ ...options, buses: options.buses.map((bus) => space + bus) }),
    remove: (refs) => outbox.remove(refs.map(inside)),
    park: (ref, reason, alert) => outbox.park(inside(ref), reason, alert),
    hold: async (refs) => (await outbox.hold(refs.map(inside))).map(outside),
    parkedResources: (bus) => outbox.parkedResources(space + bus),
    retry: (ref) => outbox.retry(inside(ref)),
    drop: (ref) => outbox.drop(inside(ref)),
    async listParked({ limit, after }) {
      const rows = await outbox.listParked({
        limit,
        ...(after === undefined ? {} : { after: inside(after) }),
      });
      return rows.map(outside);
    },
    async listPending({ limit, after, bus }) {
      const rows = await outbox.listPending({
        limit,
        ...(after === undefined ? {} : { after: inside(after) }),
        ...(bus === undefined ? {} : { bus: space + bus }),
      });
      return rows.map(outside);
    },
    async registerBuses(buses) {
      const known = await outbox.registerBuses(
        buses.map((each) => ({ ...each, name: space + each.name })),
      );
      return known.map((each) => ({ ...each, name: each.name.slice(space.length) }));
    },
    forgetBus: (name) => outbox.forgetBus(space + name),
    dropBus: (name, limit) => outbox.dropBus(space + name, limit),
    waitsFor: (bus) => outbox.waitsFor(space + bus),
    depth: () => outbox.depth(),
  };
}
