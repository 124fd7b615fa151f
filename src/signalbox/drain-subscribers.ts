import { setTimeout as delay } from 'node:timers/promises';
import type { OutboxStore } from '../core/stores/outbox-store.js';
import type { BusSubscription } from '../delivery/bus/bus.js';
import type { Relay } from '../delivery/relay/relay.js';

/** Milliseconds between looks at the outbox. */
const betweenLooks = 10;

/**
 * Resolves when subscribers of in-process buses have handled every event committed so far, and every event
 * that their handlers committed meanwhile: those buses keep nothing for a later process. Returns at once
 * when there is none. Gives up when `signal` aborts, or when the database is away.
 */
export async function drainInProcess(
  subscriptions: readonly BusSubscription[],
  outbox: OutboxStore,
  relay: Relay | undefined,
  signal: AbortSignal,
): Promise<void> {
  const local = subscriptions.filter((each) => 'caughtUp' in each && !each.paused);
  if (local.length === 0) return;
  const caughtUp = () => Promise.all(local.map(async (subscription) => subscription.caughtUp?.()));
  const isPublished = async (): Promise<boolean> =>
    relay === undefined || (await outbox.depth()).pending === 0;
  try {
    while (!signal.aborted) {
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
