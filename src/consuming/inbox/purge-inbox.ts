import type { DataSource } from 'typeorm';
import { ConfigurationError } from '../../core/errors/errors.js';
import { databaseError } from '../../persistence/commit/database-errors.js';
import { openInbox } from '../../persistence/open-inbox.js';

/** How long notes of handled messages are kept. */
export interface InboxRetention {
  /**
   * Milliseconds. Choose more than a dead letter may lie before it is redriven, and than replays reach
   * back: an older message that comes again is handled again.
   */
  readonly retention: number;
}

/** How many notes one statement deletes: its locks are short, and others get between. */
const batch = 1000;

/**
 * Deletes the notes of messages that were handled longer ago than the retention, by the database's
 * clock, and resolves with how many. Safe to call from several processes. Rejects with
 * ConfigurationError CONFIG_VALUE_INVALID, and with the typed errors of the database.
 */
export async function purgeInbox(
  dataSource: DataSource,
  { retention }: InboxRetention,
): Promise<number> {
  assertDuration('retention', retention, 0);
  const inbox = openInbox(dataSource);
  let purged = 0;
  try {
    for (;;) {
      const deleted = await inbox.purge({ olderThan: Math.round(retention), limit: batch });
      purged += deleted;
      if (deleted < batch) return purged;
    }
  } catch (error) {
    throw databaseError(error);
  }
}

/** When a process purges its inbox by itself. */
export interface InboxPurgeOptions extends InboxRetention {
  /** Milliseconds between purges. Default 3,600,000 (an hour). */
  readonly interval?: number;
  /** Told what a purge failed with; the next one is tried in any case. */
  readonly onFailure?: (error: unknown) => void;
}

/** Ends the purging. */
export interface InboxPurge extends AsyncDisposable {
  /** Waits for a purge under way. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Purges at once and then every `interval`, until stopped; keeps no process alive by itself. Throws
 * ConfigurationError CONFIG_VALUE_INVALID.
 */
export function purgeInboxRegularly(
  dataSource: DataSource,
  { retention, interval = 3_600_000, onFailure = () => {} }: InboxPurgeOptions,
): InboxPurge {
  assertDuration('retention', retention, 0);
  assertDuration('interval', interval, 1);
  let underWay: Promise<unknown> = Promise.resolve();
  const purge = (): void => {
    underWay = underWay.then(() => purgeInbox(dataSource, { retention })).catch(onFailure);
  };
  // The longest that a timer takes; more would fire at once.
  const timer = setInterval(purge, Math.min(interval, 2 ** 31 - 1));
  timer.unref();
  purge();
  const stop = async (): Promise<void> => {
    clearInterval(timer);
    await underWay;
  };
  return { stop, [Symbol.asyncDispose]: stop };
}

function assertDuration(key: string, value: number, least: number): void {
  if (Number.isFinite(value) && value >= least) return;
  throw new ConfigurationError(
    'CONFIG_VALUE_INVALID',
    `${key} is a number of milliseconds, ${least} or more; got ${value}.`,
    { parameters: { key, value: String(value) } },
  );
}
