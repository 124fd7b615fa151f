import { v7 } from 'uuid';

/** A new event id: UUIDv7, rising with each call of this process. */
export function nextEventId(): string {
  return v7();
}
