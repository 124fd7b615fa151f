import { journalEntry } from '../../core/planning/announcement.js';
import { nextEventId } from '../../core/identity/event-id.js';
import type { JournalEntry } from '../../core/planning/journal-entry.js';
import type { UnavailableError } from '../../core/errors/errors.js';
import type { EventContext } from '../../core/planning/event-context.js';
import type { OutboxDepth, OutboxRecord } from '../../core/stores/outbox-store.js';

/** The alert that an event was parked. */
export const parkedAlertType = 'ALERT.EVENT.PARKED';

/** The alert that background work waited for the database. */
export const starvedAlertType = 'ALERT.DATABASE.STARVED';

/** The alert that the outbox is older than its bound. */
export const laggingAlertType = 'ALERT.OUTBOX.LAGGING';

/**
 * Tells that an event was parked. It concerns no resource itself: as an event of the parked one's
 * resource it would be held back behind it. Null for a parked alert of this kind, because a broker that
 * refuses these too would be told of each refusal by another.
 */
export function parkedAlert(
  row: OutboxRecord,
  bus: string,
  reason: string,
  origin: EventContext,
): JournalEntry | null {
  if (row.type === parkedAlertType) return null;
  const { id, position, category, type, resource, uuid } = row;
  const whose = resource === null ? 'of no resource' : `of ${resource} ${uuid ?? ''}`;
  return alert(parkedAlertType, origin, {
    subject: `Event ${id} (${type}) ${whose} was refused by bus ${bus} and is parked`,
    body: reason,
    details: { id, position, category, type, resource, uuid, bus },
  });
}

/** Tells that pending events are older than the bound. */
export function laggingAlert(
  { oldestAge: age, pending, buses }: OutboxDepth,
  bound: number,
  origin: EventContext,
): JournalEntry {
  // Rows without a name wait for every bus.
  const late = buses.filter(({ bus, oldestAge }) => bus !== '' && oldestAge > bound);
  const names = late.map(({ bus }) => bus).join(', ');
  return alert(laggingAlertType, origin, {
    subject: `The oldest of ${pending} unpublished events is ${Math.round(age / 1000)} s old${names === '' ? '' : ` (bus ${names})`}`,
    details: {
      age,
      bound,
      pending,
      buses: late.map((each) => ({ bus: each.bus, age: each.oldestAge, pending: each.pending })),
    },
  });
}

/** Tells that background work waited for the database. */
export function starvedAlert(
  { message, parameters }: UnavailableError,
  waited: number,
  origin: EventContext,
): JournalEntry {
  return alert(starvedAlertType, origin, {
    subject: message,
    details: { ...parameters, waited },
  });
}

function alert(type: string, origin: EventContext, data: object): JournalEntry {
  return journalEntry({ id: nextEventId(), origin, category: 'AlertEvent', type, data });
}
