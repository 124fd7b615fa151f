import { isDeepStrictEqual } from 'node:util';
import type { SignalboxEvent } from '../../core/events/event.js';
import type { DeliveryFault, DeliveryFaultCode } from './delivery-fault.js';
import { rowFaults, type ResourceRow } from './row-faults.js';

/** Evidence to compare: read from the database, and written by a consumer. */
export interface DeliveryEvidence {
  /** Every event of the journal, in the order of its positions. */
  readonly committed: readonly SignalboxEvent[];
  /** Events that one consumer or pool received, in order of arrival; an event may be there more than once. */
  readonly delivered: readonly SignalboxEvent[];
  /** The rows of the resources as they are now. Default not compared. */
  readonly rows?: readonly ResourceRow[];
  /** Ids of events that are on their way or set aside: parked, dead-lettered. Default none. */
  readonly aside?: Iterable<string>;
}

/**
 * Finds events that were lost, invented, altered or reordered between the database and a consumer, and
 * disagreements between journal and rows. Empty when every promise was kept; events that came twice with
 * the same id are no fault. Pure.
 *
 * @example
 * ```ts
 * expect(deliveryFaults({ committed, delivered, rows })).toEqual([]);
 * ```
 */
export function deliveryFaults({
  committed,
  delivered,
  rows,
  aside = [],
}: DeliveryEvidence): readonly DeliveryFault[] {
  const places = new Map(committed.map((event, place) => [event.id, { event, place }]));
  const came = new Set(delivered.map(({ id }) => id));
  const elsewhere = new Set(aside);
  const faults: DeliveryFault[] = committed.flatMap((event) =>
    came.has(event.id) || elsewhere.has(event.id)
      ? []
      : [fault('LOST', event, 'was committed and not delivered')],
  );
  const seen = new Set<string>();
  const furthest = new Map<string, number>();
  for (const event of delivered) {
    const known = places.get(event.id);
    if (known === undefined) {
      faults.push(fault('NOT_COMMITTED', event, 'was delivered and is not in the journal'));
      continue;
    }
    // A binary format gives the attributes back in an order of its own.
    if (!isDeepStrictEqual(event, known.event)) {
      faults.push(fault('ALTERED', event, 'was delivered otherwise than it was committed'));
    }
    if (seen.has(event.id)) continue;
    seen.add(event.id);
    // Events of no resource have no order to keep.
    if (event.partitionkey === undefined) continue;
    const last = furthest.get(event.partitionkey) ?? -1;
    if (known.place < last) {
      faults.push(fault('OUT_OF_ORDER', event, 'came behind a later event of its resource'));
    }
    furthest.set(event.partitionkey, Math.max(last, known.place));
  }
  return [...faults, ...rowFaults(committed, rows)];
}

function fault(code: DeliveryFaultCode, event: SignalboxEvent, what: string): DeliveryFault {
  const { id, type, subject = 'no resource', revision, partitionkey } = event;
  const which = revision === undefined ? '' : `, revision ${revision}`;
  return {
    code,
    message: `${type} of ${subject}${which} (${id}) ${what}.`,
    id,
    ...(partitionkey === undefined ? {} : { uuid: partitionkey }),
  };
}
