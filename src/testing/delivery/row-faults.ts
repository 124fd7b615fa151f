import type { ResourceStateEvent, SignalboxEvent } from '../../core/events/event.js';
import type { DeliveryFault } from './delivery-fault.js';

/** A resource as its row says. */
export interface ResourceRow {
  readonly uuid: string;
  readonly state: string;
  readonly revision: number;
}

/**
 * Where the changes of a resource do not follow each other, and where its row is not what the last of them
 * says. Without rows only the first. Pure.
 */
export function rowFaults(
  committed: readonly SignalboxEvent[],
  rows: readonly ResourceRow[] | undefined,
): readonly DeliveryFault[] {
  const lives = new Map<string, ResourceStateEvent[]>();
  for (const event of committed) {
    if (event.category !== 'ResourceStateEvent' || event.partitionkey === undefined) continue;
    const life = lives.get(event.partitionkey);
    if (life === undefined) lives.set(event.partitionkey, [event]);
    else life.push(event);
  }
  const faults = [...lives].flatMap(([uuid, life]) => lifeFaults(uuid, life));
  if (rows === undefined) return faults;
  const byUuid = new Map(rows.map((row) => [row.uuid, row]));
  for (const uuid of new Set([...lives.keys(), ...byUuid.keys()])) {
    const said = present(lives.get(uuid)?.at(-1));
    const found = byUuid.get(uuid);
    const is = found === undefined ? 'no row' : `${found.state}, revision ${found.revision}`;
    if (said === is) continue;
    const message = `The journal leaves ${uuid} with ${said}, and the table with ${is}.`;
    faults.push({ code: 'ROW_DISAGREES', message, uuid });
  }
  return faults;
}

function present(last: ResourceStateEvent | undefined): string {
  return last === undefined || last.data.new === null
    ? 'no row'
    : `${last.data.new}, revision ${last.revision ?? '?'}`;
}

function lifeFaults(uuid: string, life: readonly ResourceStateEvent[]): readonly DeliveryFault[] {
  return life.flatMap<DeliveryFault>((event, index) => {
    const found: DeliveryFault[] = [];
    const { id, type, revision, data } = event;
    if (revision !== index + 1) {
      const message = `${type} of ${uuid} has revision ${revision ?? 'none'} where ${index + 1} is next (${id}).`;
      found.push({ code: 'REVISION_GAP', message, id, uuid });
    }
    const before = life[index - 1]?.data.new ?? null;
    if (data.old !== before) {
      const message = `${type} of ${uuid} leaves ${String(data.old)}, and the change before entered ${String(before)} (${id}).`;
      found.push({ code: 'CHAIN_BROKEN', message, id, uuid });
    }
    return found;
  });
}
