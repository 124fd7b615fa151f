import type { UnavailableError } from '../../core/errors/errors.js';
import type { EventContext } from '../../core/planning/event-context.js';
import type { Store } from '../../persistence/store.js';
import { WaitMonitor } from '../../persistence/wait-monitor.js';
import { starvedAlert } from './relay-alerts.js';

/** The shortest time between two alerts of one worker, in milliseconds. */
const alertEvery = 60_000;

/** Options of a monitor that raises alerts. */
export interface StarvedAlertsSetup {
  readonly store: Pick<Store, 'append' | 'connectionUse'>;
  /** The work that waits, as the beginning of a message: "The relay". */
  readonly work: string;
  /** Milliseconds. */
  readonly bound: number;
  readonly origin: () => EventContext;
  /** Called after an alert was committed. */
  readonly wake: () => void;
  readonly onStarved: (error: UnavailableError) => void;
  readonly onServed?: (waited: number) => void;
  readonly onFailure: (error: unknown) => void;
}

/**
 * A wait monitor that raises `ALERT.DATABASE.STARVED` when the wait has ended, for only then is there a
 * connection to write it on: at most one a minute.
 */
export function alertingWaitMonitor(setup: StarvedAlertsSetup): WaitMonitor {
  const { store, work, bound, origin, wake, onStarved, onServed, onFailure } = setup;
  let starved: UnavailableError | undefined;
  let alertedAt = -Infinity;
  return new WaitMonitor({
    work,
    bound,
    use: () => store.connectionUse(),
    onStarved(error) {
      starved = error;
      onStarved(error);
    },
    onServed(waited) {
      onServed?.(waited);
      const error = starved;
      if (error === undefined || performance.now() - alertedAt < alertEvery) return;
      alertedAt = performance.now();
      store.append([starvedAlert(error, waited, origin())]).then(wake, onFailure);
    },
  });
}
