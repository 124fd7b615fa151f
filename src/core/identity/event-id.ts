import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

// Asking the system for 16 bytes costs more than all the rest of an id, so they are asked for in bulk.
const pool = new Uint8Array(4096);
let used = pool.length;
let milliseconds = 0;
let sequence = 0;

/** A new event id: UUIDv7, rising with each call of this process, also when the clock is set back. */
export function nextEventId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.subarray(used, (used += 16));
  const now = Date.now();
  if (now > milliseconds) {
    milliseconds = now;
    // 31 of its 32 bits, so that a millisecond has room for two thousand million more.
    sequence = new DataView(random.buffer, random.byteOffset).getUint32(0) >>> 1;
  } else {
    sequence += 1;
  }
  return v7({ random, msecs: milliseconds, seq: sequence });
}
