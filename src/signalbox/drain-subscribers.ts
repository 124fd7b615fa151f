import { setTimeout as delay } from 'node:timers/promises';
import type { OutboxStore } from '../core/stores/outbox-store.js';
import type { BusSubscription } from '../delivery/bus/bus.js';
import type { Relay } from '../delivery/relay/relay.js';

/** Milliseconds between looks at the outbox. */
const betweenLooks = 10;

/**
 * Resolves when subscribers of in-process buses have handled every event committed so far, and every event
 * that their handlers committed meanwhile: those buses keep nothing for a later process. Rows that wait for
 * another bus are not waited for: it may be away. Returns at once when there is no such subscriber. Gives up
 * when `signal` aborts, or when the database is away.
 *
 * @param subscriptions Each with the name of its bus.
 */
export async function drainInProcess(
  subscriptions: ReadonlyMap<BusSubscription, string>,
  outbox: OutboxStore,
  relay: Relay | undefined,
  signal: AbortSignal,
): Promise<void> {
  let local = [...subscriptions].filter(([each]) => 'caughtUp' in each && !each.paused);
  /** Resolves when they have handled what was published; forgets those that ended, with their bus mostly. */
  const caughtUp = async (): Promise<void> => {
    const ends = await Promise.allSettled(local.map(async ([each]) => each.caughtUp?.()));
    local = local.filter((_, index) => ends[index]?.status === 'fulfilled');
  };
  const isPublished = async (): Promise<boolean> => {
    if (relay === undefined || local.length === 0) return true;
    // A row without a name waits for every bus.
    const buses = new Set(['', ...local.map(([, bus]) => bus)]);
    const depth = await outbox.depth();
    return depth.buses.every(({ bus, pending }) => pending === 0 || !buses.has(bus));
  };
  try {
    while (!signal.aborted) {
      await caughtUp();
      if (await isPublished()) {
        await caughtUp();
        if (await isPublished()) return;
      }
      relay?.wake();
      await delay(betweenLooks);
    }
  } catch {
    // The database is away: what is left stays in the outbox.
  }
}
