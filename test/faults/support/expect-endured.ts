import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from './broker-faults.js';
import { seed } from './fault-length.js';
import type { FaultWorld } from './fault-world.js';

/** Milliseconds that work is stopped for, where it is. */
const outage = 1500;

/** Under load: all strike at once, are endured, are mended; then everything must be where it belongs. */
export async function expectEndured(
  world: FaultWorld,
  faults: readonly Fault[],
  settle = (what: string): Promise<void> => world.settle(what),
): Promise<void> {
  const what = `${faults.map(({ name }) => name).join(', while ')} (seed ${seed})`;
  world.work.start(8, 4);
  await world.changes(100);
  await Promise.all(faults.map((fault) => fault.strike()));
  // Only a database that is down stops the work. A broker never does.
  if (faults.some(({ stopsWork }) => stopsWork)) await delay(outage);
  else await world.changes(200);
  await delay(Math.max(0, ...faults.map(({ lasts = 0 }) => lasts)));
  for (const fault of faults) await fault.mend?.();
  await world.changes(100);
  await settle(what);
}
