/**
 * When a long-running command shall end: on SIGINT, on SIGTERM, when nobody reads its output any more,
 * or because it says so itself.
 */
export interface StopSignal {
  readonly requested: Promise<void>;
  now(): void;
}

/** Listens for the first SIGINT or SIGTERM; a second one ends the process at once. */
export function stopSignal(): StopSignal {
  let resolve: () => void;
  const requested = new Promise<void>((settle) => {
    resolve = settle;
  });
  const now = (): void => {
    process.off('SIGINT', now);
    process.off('SIGTERM', now);
    process.stdout.off('error', now);
    resolve();
  };
  process.on('SIGINT', now);
  process.on('SIGTERM', now);
  process.stdout.on('error', now);
  return { requested, now };
}
