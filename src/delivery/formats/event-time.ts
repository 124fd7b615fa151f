import { clipped } from '../../core/errors/clipped.js';
import { eventInvalid } from './event-invalid.js';

/** Pure. The instant of an event's time. Throws RefusedError EVENT_INVALID for none of the calendar. */
export function instantOf(time: string): Date {
  const instant = new Date(time);
  if (Number.isNaN(instant.getTime())) {
    throw eventInvalid('event', 'time', `is ${clipped(time)}, which no calendar has`);
  }
  return instant;
}
